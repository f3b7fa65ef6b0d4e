"""A study killed midway through a seed goes on with the blocks that were finished, and ends with the same bits."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import graph_market
import numpy as np
import pandas as pd
import pytest
from fingan_market import prices

from engine.decisions.graph.cross_evaluation import cross_sign_counts
from engine.models.fingan import training as fingan_blocks
from engine.runs import compute, studies
from engine.studies import fingan, graph
from engine.studies.base import MemoryCheckpointer, Work
from engine.studies.graph import study as graph_study
from engine.workspace import PROJECT


class KilledError(Exception):
    """Stands for the end of the process."""


class Counting:
    """Carries out blocks here, counts them, and ends everything after so many."""

    def __init__(self, most: int | None = None) -> None:
        self.done, self.most = 0, most

    def __call__(self, task: Callable[[Any], Any], blocks: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        for position, block in enumerate(blocks):
            if self.done == self.most:
                raise KilledError
            self.done += 1
            yield position, task(block)


def work(directory: Path, run: Counting, kept: dict[str, MemoryCheckpointer], **given: Any) -> Work:
    blocks = compute.Blocks(run, directory)
    return Work(
        run=run,
        blocks=blocks.keeping,
        forget_blocks=blocks.forget,
        checkpointers=lambda name: kept.setdefault(name, MemoryCheckpointer()),
        **given,
    )


def test_cross_evaluation_resumes_by_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_study, "cross_sign_counts", partial(cross_sign_counts, block=2))
    config = graph.Config(samples=20, draws=100, seed=3)
    given = {"inputs": {"fingan": graph_market.Finished()}}

    def begin(directory: Path, run: Counting, kept: dict[str, MemoryCheckpointer]) -> None:
        for step in graph.steps(graph_market.prices(), config, work(directory, run, kept, **given))[:2]:
            step.make()

    whole, undisturbed = Counting(), {}
    begin(tmp_path / "whole", whole, undisturbed)
    kept: dict[str, MemoryCheckpointer] = {}
    first, second = Counting(most=5), Counting()
    with pytest.raises(KilledError):
        begin(tmp_path / "cut", first, kept)
    assert len(list((tmp_path / "cut" / "signs_0").iterdir())) == 5
    begin(tmp_path / "cut", second, kept)
    assert whole.done == first.done + second.done and second.done > 0
    for name in ("signs_0", "signs_1", "years"):
        there, here = undisturbed[name].load(), kept[name].load()
        assert there is not None and here is not None
        for key, values in there.items():
            np.testing.assert_array_equal(here[key], values)
    assert not [path for path in (tmp_path / "cut").rglob("*") if path.is_file()]  # part of a whole by now


def test_a_seed_s_training_resumes_by_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fingan_blocks.train_in_blocks.__kwdefaults__, "size", 2)

    def begin(
        directory: Path, run: Counting, kept: dict[str, MemoryCheckpointer], epochs: int = 2, spread: bool = True
    ) -> None:
        config = fingan.Config(seeds=1, epochs=epochs, matching_epochs=1, samples=20, universality=False)
        steps = fingan.steps(prices(), config, work(directory, run, kept, spread=spread))
        next(step for step in steps if step.words == "Fin-GAN, seed 0").make()

    together: dict[str, MemoryCheckpointer] = {}
    begin(tmp_path / "together", Counting(), together, spread=False)
    kept: dict[str, MemoryCheckpointer] = {}
    first, others, second = Counting(most=1), Counting(), Counting()
    with pytest.raises(KilledError):
        begin(tmp_path / "cut", first, kept)
    begin(tmp_path / "cut", others, {}, epochs=3)  # other settings find nothing that is theirs
    assert others.done == 3
    with pytest.raises(KilledError):
        begin(tmp_path / "again", first := Counting(most=1), kept)
    (damaged,) = (tmp_path / "again" / "gan_00").iterdir()
    damaged.write_bytes(damaged.read_bytes()[:100])
    begin(tmp_path / "again", second, kept)
    assert second.done == 3  # what cannot be read is trained again
    for name in ("gan_00", "forecasts_00"):
        there, here = together[name].load(), kept[name].load()
        assert there is not None and here is not None
        for key, values in there.items():
            np.testing.assert_array_equal(here[key], values)


def test_a_killed_study_on_a_cluster_keeps_its_blocks(tmp_path: Path) -> None:
    market = prices()
    rows = [
        pd.DataFrame({"date": market.dates.astype(str), "ticker": f"{ticker}{k}", "open": o, "close": c})
        for k in range(4)
        for ticker, o, c in zip(market.tickers[:3], market.open.T, market.close.T, strict=False)
    ]
    file = tmp_path / "prices.csv"
    pd.concat(rows).to_csv(file, index=False)
    settings = ["seeds=1", "epochs=100", "matching_epochs=1", "samples=20", "universality=false", "draws=100"]
    verb = [sys.executable, "-m", "engine", "study", "fingan", "--cluster", "local:2"]
    environment = {**os.environ, "SCENARIST_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}

    def command(run: Path, *more: str) -> list[str]:
        return [*verb, "--data", str(file), "--run", str(run), *(p for s in settings for p in ("--set", s)), *more]

    run = tmp_path / "killed"
    process = subprocess.Popen(
        command(run), cwd=PROJECT, env=environment, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    folder = run / studies.BLOCKS / "gan_00"
    deadline = time.monotonic() + 120
    while not list(folder.glob("[!.]*")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = list(folder.glob("[!.]*"))
    assert 0 < len(before) < 3  # of three blocks of four tickers; each was written whole
    subprocess.run(command(run, "--resume"), cwd=PROJECT, env=environment, check=True, capture_output=True, timeout=300)
    assert not folder.exists()
    other = tmp_path / "whole"
    subprocess.run(command(other), cwd=PROJECT, env=environment, check=True, capture_output=True, timeout=300)
    for name in ("gan_00", "chosen"):
        here, there = (studies.read(one).arrays(name) for one in (run, other))
        for key, values in there.items():
            np.testing.assert_array_equal(here[key], values)
