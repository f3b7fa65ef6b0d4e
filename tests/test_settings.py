"""Configurations: described by their fields, checked at the door, round-tripping through plain values."""

from dataclasses import dataclass

import pytest

from engine import settings
from engine.errors import SettingsError
from engine.settings import configuration, setting


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


def test_a_configuration_is_a_frozen_dataclass() -> None:
    @configuration
    class Made:
        epochs: int = setting(10, label="Epochs", help="Passes.", low=1, extends=True)
        rate: float = setting(1, label="Rate", help="Step.")

    assert Made().epochs == 10 and Made(epochs=3) == Made(3)
    with pytest.raises(AttributeError):
        Made().epochs = 4  # type: ignore[misc]
    assert settings.identity(Made(7, 0.5)) == {"rate": 0.5}, "what may grow is left out"


@pytest.mark.parametrize(
    ("kind", "default", "words"),
    [
        (tuple, (32, 32), "int, float, bool or str; found tuple"),
        (int | None, None, "int, float, bool or str; found int | None"),
        (None, None, "found NoneType"),
        (list[int], None, "int, float, bool or str; found list"),
        (int, 0.5, "a default of type int"),
        (str, 3, "a default of type str"),
        (int, 0, "between 1"),
    ],
)
def test_a_field_that_no_form_can_show_is_refused_when_the_class_is_made(kind, default, words) -> None:
    fields = {"widths": setting(default, label="Widths", help="Of layers.", low=1), "__annotations__": {"widths": kind}}
    with pytest.raises(SettingsError, match="expected") as error:
        configuration(type("Made", (), fields))
    assert words in str(error.value) and "widths" in str(error.value)


def test_a_plain_field_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"Made.depth to be made by setting\(...\)"):

        @configuration
        class Made:
            depth: int = 3
