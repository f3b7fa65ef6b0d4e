"""When a generator in training is in trouble, and what is said then."""

import pytest

from engine.training.alarms import COLLAPSED, DATA_PENALTY, EARLY, PENALTY, SPREAD, alarms


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({}, ()),
        ({"discriminator": 0.69}, ()),
        ({SPREAD: 0.9, PENALTY: 0.02, DATA_PENALTY: 0.01}, ()),
        ({SPREAD: COLLAPSED, PENALTY: 0.0, DATA_PENALTY: 0.0}, ()),
        ({SPREAD: 0.05}, ("collapsed",)),
        ({PENALTY: 2.46, DATA_PENALTY: 0.0096}, ("Arbitrage explodes",)),
        ({PENALTY: 2.46, DATA_PENALTY: 0.5}, ()),
        ({SPREAD: 0.0, PENALTY: 0.2, DATA_PENALTY: 0.0003}, ("collapsed", "Arbitrage explodes")),
        ({SPREAD: float("nan"), PENALTY: float("nan"), DATA_PENALTY: 0.01}, ()),
        ({PENALTY: 0.5}, ()),
    ],
)
def test_alarms_are_raised_for_collapse_and_explosion_only(figures, words) -> None:
    found = alarms(figures)
    assert len(found) == len(words)
    assert all(word in sentence for word, sentence in zip(words, found, strict=True))


def test_early_trouble_is_said_to_be_usual() -> None:
    assert "usual" in alarms({SPREAD: 0.01}, fraction=EARLY / 2)[0]
    assert "usual" not in alarms({SPREAD: 0.01}, fraction=EARLY)[0]


def test_the_data_are_said_in_plain_numbers() -> None:
    assert "the data have less than 0.001." in alarms({PENALTY: 0.7, DATA_PENALTY: 1.1e-7})[0]
    assert "the data have 0.0096." in alarms({PENALTY: 2.46, DATA_PENALTY: 0.0096})[0]
