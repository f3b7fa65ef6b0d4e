"""A slow generator that jobs can train, and a trained checkpoint of it."""

import sys
from pathlib import Path

import pytest
from run_samples import card_of, fitted, write_surfaces

from engine.models import registry
from engine.runs import checkpoints, jobs


@pytest.fixture(autouse=True)
def slow_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slow walk is a registered model, here and in the jobs started here."""
    monkeypatch.setitem(registry.SPECS, "slow_walk", registry.Spec("slow_walk", "Slow walk", "fake_generator:SlowWalk"))
    fake_engine = Path(__file__).resolve().parent / "fake_engine.py"
    monkeypatch.setattr(jobs, "COMMAND", (sys.executable, str(fake_engine)))


@pytest.fixture
def surfaces_csv(tmp_path: Path) -> Path:
    return write_surfaces(tmp_path / "surfaces.csv")


@pytest.fixture
def checkpoint(scenarist_home: Path) -> Path:
    """A saved checkpoint in the workspace."""
    directory = scenarist_home / "runs" / "walk"
    model = fitted()
    checkpoints.save(directory, model, card_of(model))
    return directory
