"""Fixtures shared by all tests."""

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def market_data() -> Path:
    """The folder of real market data, which is not part of the project."""
    folder = PROJECT.parent / "shared" / "data"
    if not (folder / "README.md").exists():
        pytest.skip("the real market data of ../shared/data are absent")
    return folder


@pytest.fixture(autouse=True)
def scenarist_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test writes into its own workspace and sees no local data folder."""
    home = tmp_path / "home"
    monkeypatch.setenv("SCENARIST_HOME", str(home))
    monkeypatch.delenv("SCENARIST_DATA", raising=False)
    return home
