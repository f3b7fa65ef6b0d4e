"""A picture is drawn once for what it shows, and never again for something else."""

import datetime
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from engine.content import digest
from pages.ui import pictures


@dataclass(frozen=True)
class Thing:
    name: str
    values: np.ndarray


THING = Thing("a", np.arange(6.0).reshape(2, 3))
BASE = {"array": np.arange(4), "table": pd.DataFrame({"x": [1.0, 2.0], "y": ["a", "b"]}), "thing": THING, "n": 3}


@pytest.mark.parametrize(
    "changed",
    [
        {"array": np.arange(4).astype(np.float64)},
        {"array": np.array([0, 1, 2, 4])},
        {"array": np.arange(4).reshape(2, 2)},
        {"array": [0, 1, 2, 3]},
        {"table": pd.DataFrame({"x": [1.0, 2.0], "y": ["a", "c"]})},
        {"table": pd.DataFrame({"x": [1.0, 2.0], "z": ["a", "b"]})},
        {"table": pd.DataFrame({"x": [1.0, 2.0], "y": ["a", "b"]}, index=[1, 2])},
        {"thing": replace(THING, name="b")},
        {"thing": replace(THING, values=THING.values + 1e-15)},
        {"n": 3.0},
        {"n": True},
        {"n": None},
        {"n": "3"},
        {"n": datetime.date(2020, 1, 3)},
    ],
)
def test_whatever_changes_changes_the_digest(changed: dict[str, object]) -> None:
    assert digest(BASE) != digest({**BASE, **changed})


def test_equal_content_has_one_digest_however_it_lies_in_memory() -> None:
    again = {
        "array": np.arange(8)[::2] // 2,
        "table": BASE["table"].copy(),
        "thing": Thing("a", np.asfortranarray(THING.values)),
        "n": 3,
    }
    assert digest(BASE) == digest(again)
    assert digest(("ab", "c")) != digest(("a", "bc"))
    assert digest([np.datetime64("2020-01-01"), np.array(["2020-01-01"], "datetime64[D]")])


def test_a_figure_is_drawn_once_for_its_content_and_each_time_where_there_is_no_digest() -> None:
    drawn: list[object] = []

    def draw(values: object, *, dark: bool = False) -> go.Figure:
        drawn.append(values)
        return go.Figure()

    first = pictures.of(draw, np.arange(3.0))
    assert pictures.of(draw, np.arange(3.0)) is first and len(drawn) == 1
    pictures.of(draw, np.arange(3.0), dark=True)
    pictures.of(draw, np.arange(4.0))
    assert len(drawn) == 3
    with pytest.raises(TypeError, match="found object"):
        digest(object())
    pictures.of(draw, object())
    pictures.of(draw, object())
    assert len(drawn) == 5
