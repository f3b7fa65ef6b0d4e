"""Columns of results become words; one thing is not several."""

import pandas as pd
import pytest

from pages.ui import wording


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("var_2_5", "VaR 2.5 %"),
        ("es_1", "ES 1 %"),
        ("mean_iv", "Mean implied vol"),
        ("ticker", "Ticker"),
        ("phi", "Φ"),
    ],
)
def test_headings_are_words(name: str, words: str) -> None:
    assert wording.heading(name) == words


def test_a_readable_table_has_no_none_and_keeps_its_numbers() -> None:
    shown = wording.readable(pd.DataFrame({"var_1": [0.5, None], "note": ["a", None]}))
    assert list(shown) == ["VaR 1 %", "Note"] and shown["Note"].tolist() == ["a", ""] and shown["VaR 1 %"][0] == 0.5


def test_numbers_agree_with_what_they_count() -> None:
    assert [wording.count(1, "seed"), wording.count(2, "seed"), wording.count(0, "study", "studies")] == [
        "1 seed",
        "2 seeds",
        "0 studies",
    ]
