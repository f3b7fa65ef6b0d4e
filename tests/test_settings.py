"""Configurations: described by their fields, checked at the door, round-tripping through plain values."""

from dataclasses import dataclass

import pytest

from engine import settings
from engine.errors import SettingsError
from engine.settings import setting


@dataclass(frozen=True)
class Config:
    epochs: int = setting(10, label="Epochs", help="Passes.", low=1, high=100)
    rate: float = setting(0.1, label="Rate", help="Step.", low=0.0, high=1.0, unit="per step")
    loss: str = setting("bce", label="Loss", help="Which.", choices=("bce", "volgan"))
    deep: bool = setting(False, label="Deep", help="Or not.")


def test_a_configuration_describes_its_fields_in_order() -> None:
    described = settings.describe(Config)
    assert [info.name for info in described] == ["epochs", "rate", "loss", "deep"]
    assert described[1].unit == "per step" and described[1].kind is float and described[2].choices == ("bce", "volgan")


def test_strings_are_parsed_by_type_on_top_of_a_base() -> None:
    base = Config(epochs=7)
    assert settings.from_strings(Config, ["rate=1e-2", "deep=true", "loss=volgan"], base) == Config(
        7, 0.01, "volgan", True
    )
    assert settings.from_strings(Config, ["epochs=1e2"]).epochs == 100


def test_plain_values_round_trip() -> None:
    config = Config(3, 0.5, "volgan", True)
    assert settings.from_dict(Config, settings.to_dict(config)) == config


@pytest.mark.parametrize(
    ("pair", "expected", "found"),
    [
        ("epochs", "key=value", "'epochs'"),
        ("epochs=0", "between 1 and 100", "'0'"),
        ("epochs=2.5", "type int", "'2.5'"),
        ("rate=nan", "between 0.0 and 1.0", "'nan'"),
        ("rate=fast", "type float", "'fast'"),
        ("loss=wgan", "one of bce, volgan", "'wgan'"),
        ("deep=maybe", "type bool", "'maybe'"),
        ("depth=3", "settings among epochs, rate, loss, deep", "'depth'"),
    ],
)
def test_a_wrong_setting_is_one_sentence(pair: str, expected: str, found: str) -> None:
    with pytest.raises(SettingsError) as error:
        settings.from_strings(Config, [pair])
    assert expected in str(error.value) and found in str(error.value) and "\n" not in str(error.value)
