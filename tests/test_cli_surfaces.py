"""``surfaces``: a file of quotes of many days becomes a file of surfaces that the reader takes back."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.__main__ import main
from engine.market import intake
from engine.market.grid import CH2_GRID, VOLGAN_GRID
from engine.market.quotes import OptionQuotes
from engine.models.simulated.market import built_in
from engine.surfaces import levels, smoothing, synthetic_quotes

HISTORY = built_in("simulated-11x9").history


def written(folder: Path, rows: tuple[int, ...]) -> tuple[Path, OptionQuotes]:
    """A file of simulated chains of several days, and what the reader makes of it."""
    days = [synthetic_quotes.from_history(HISTORY, row, seed=row).table for row in rows]
    table = pd.concat(days, ignore_index=True)
    table["type"] = np.where(table["is_call"], "C", "P")
    path = folder / "quotes.csv"
    table.drop(columns=["is_call", "iv"]).to_csv(path, index=False)
    return path, intake.read_quotes(path).data


@pytest.mark.parametrize(("out", "grid"), [("made.parquet", "10x8"), ("made.csv", "11x9")])
def test_every_day_becomes_a_surface_that_is_read_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], out: str, grid: str
) -> None:
    path, quotes = written(tmp_path, (100, 101, 102))
    code = main(
        [
            "surfaces",
            "--data",
            str(path),
            "--grid",
            grid,
            "--method",
            "kernel",
            "--bandwidth",
            "0.002,0.046",
            "--out",
            str(tmp_path / out),
        ]
    )
    said = capsys.readouterr().out
    assert code == 0 and "3 surfaces built, no day skipped." in said and "bandwidth 0.002, 0.046" in said
    read = intake.read_surfaces(tmp_path / out).data
    expected = smoothing.history_from_quotes(
        quotes, {"10x8": CH2_GRID, "11x9": VOLGAN_GRID}[grid], (0.002, 0.046), "kernel"
    ).history
    np.testing.assert_array_equal(read.dates, expected.dates)
    np.testing.assert_allclose(read.iv, expected.iv, rtol=1e-9)
    np.testing.assert_allclose(read.half_spread, expected.half_spread, rtol=1e-9)


def test_a_day_that_cannot_carry_a_surface_is_named_and_the_others_are_built(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, quotes = written(tmp_path, (100, 101))
    table = pd.read_csv(path)
    second = str(quotes.dates[1])
    table[(table["date"] != second) | (table["type"] == "C")].to_csv(path, index=False)
    assert main(["surfaces", "--data", str(path), "--method", "ssvi", "--out", str(tmp_path / "made.csv")]) == 0
    said = capsys.readouterr().out
    assert "1 surface built, 1 day skipped." in said and f"{second}: expected calls and puts" in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--data", "simulated-quotes", "--out", "made.xlsx"], "end in .csv or .parquet"),
        (["--data", "simulated-10x8", "--out", "made.csv"], "expected option quotes"),
        (["--data", "simulated-quotes", "--out", "made.csv", "--bandwidth", "wide"], "two numbers h1,h2"),
        (["--data", "simulated-quotes", "--out", "made.csv", "--grid", "0.9,1,1.1"], "expected a grid as levels x"),
        (["--data", "simulated-quotes", "--out", "made.csv", "--grid", "0.9,1,1.1 x 3,9"], "maturities such as 21d"),
        (["--data", "simulated-quotes", "--out", "made.csv", "--grid", "1,0.9,1.1 x 3d,9d"], "strictly increasing"),
        (
            ["--data", "simulated-quotes", "--out", "made.csv", "--method", "magic"],
            "expected one of arbitrage_free, kernel",
        ),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["surfaces", *arguments]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("grid", ["0.95,0.975,1,1.025 x 14d,1m,45d", "log: -0.05,0,0.05 x 2w,30d", None])
def test_any_grid(tmp_path: Path, capsys: pytest.CaptureFixture[str], grid: str | None) -> None:
    path, quotes = written(tmp_path, (100, 101))
    out = tmp_path / "made.parquet"
    asked = [] if grid is None else ["--grid", grid]
    assert main(["surfaces", "--data", str(path), *asked, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    wanted = levels.Levels(levels.proposed_for(quotes)) if grid is None else levels.parse(grid)
    read = intake.read_surfaces(out).data
    assert f"grid {wanted.text}" in said and read.grid.shape == wanted.grid.shape
    np.testing.assert_allclose(read.grid.moneyness, wanted.grid.moneyness, atol=1e-6)
    for row, day in enumerate(quotes.dates):
        fit = smoothing.fit_quotes(quotes, day)
        m = wanted.grid.moneyness[:, None]
        m = m * fit.forward(wanted.grid.maturity) / fit.spot if wanted.forward else m
        np.testing.assert_allclose(read.iv[row], fit.iv(m, wanted.grid.maturity), atol=1e-3)
    assert not wanted.forward or (read.rate == 0).all()
