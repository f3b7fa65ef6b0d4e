"""``python -m engine paths``: the table it writes is that of the engine, and what it cannot do is one sentence."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine import datasets
from engine.__main__ import main
from engine.models import rollout as paths
from engine.runs import checkpoints
from tests.test_cli import market_csv, refused


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("paths")
    data, run = market_csv(folder / "market.csv", days=160), folder / "run"
    assert main(["train", "fhs", "--data", str(data), "--run", str(run)]) == 0
    return data, run


def walk(generator: tuple[Path, Path], out: Path, *more: str) -> list[str]:
    data, run = generator
    return ["paths", "--run", str(run), "--data", str(data), "--days", "45", "--n", "12", "--out", str(out), *more]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_the_table_is_the_engine_s_own(generator, tmp_path, capsys, suffix):
    out = tmp_path / f"paths{suffix}"
    assert main(walk(generator, out, "--seed", "3", "--beta", "10")) == 0
    said = capsys.readouterr().out
    table = pd.read_csv(out) if suffix == ".csv" else pd.read_parquet(out)
    model, _ = checkpoints.load(generator[1])
    history = datasets.load(str(generator[0])).data
    own = paths.simulate(model, history, 12, 45, rng=np.random.default_rng(3))
    assert len(table) == 12 * 46
    np.testing.assert_allclose(table["vix"], own.vix.ravel(), rtol=1e-9, equal_nan=True)
    np.testing.assert_allclose(table["weight"], np.repeat(own.weights(10.0), 46), rtol=1e-9)
    assert "12 paths of 45 days from" in said and "reweighted with beta 10" in said and str(out) in said
    assert "grid points lie inside what the data have shown" in said


def test_paths_start_from_a_day_in_the_past_and_short_ones_are_not_judged(generator, tmp_path, capsys):
    out = tmp_path / "paths.csv"
    day = str(datasets.load(str(generator[0])).data.dates[100])
    assert main([*walk(generator, out)[:-2], "--out", str(out), "--date", day, "--days", "5"]) == 0
    table = pd.read_csv(out)
    assert (table[table["day"] == 0]["date"] == day).all() and table["day"].max() == 5
    assert "not judged: expected paths of at least 42 days" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--n", "0"), "1 to 10,000 paths"),
        (("--days", "253"), "1 to 252 days"),
        (("--beta", "-1"), "--beta"),
        (("--date", "yesterday"), "--date"),
        (("--date", "1999-01-01"), "1999-01-01"),
        (("--out", "paths.xlsx"), "paths.xlsx"),
        (("--data", "indices"), "surfaces"),
        (("--run", "no_such_run"), "no_such_run"),
    ],
)
def test_what_cannot_be_walked_is_said_in_a_sentence(generator, tmp_path, capsys, more, words):
    assert words in refused(capsys, *walk(generator, tmp_path / "paths.csv"), *more)
    assert not (tmp_path / "paths.csv").exists()
