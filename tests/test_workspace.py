"""Files are written whole or not at all."""

import errno
import os
import re
import tomllib
from pathlib import Path

import pytest

from engine import workspace


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "card.json"
    workspace.write_json(path, {"a": 1})
    workspace.write_json(path, {"a": [1.5, None]})
    assert workspace.read_json(path) == {"a": [1.5, None]}
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "weights"
    workspace.write_whole(path, b"old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="No space left"):
        workspace.write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.glob(".weights*")) == []


def test_not_a_number_is_refused_in_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        workspace.write_json(tmp_path / "x.json", {"a": float("nan")})
    assert not (tmp_path / "x.json").exists()


def test_the_workspace_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SCENARIST_HOME", str(tmp_path))
    assert workspace.runs_dir() == tmp_path / "runs"
    monkeypatch.delenv("SCENARIST_HOME")
    assert workspace.home() == workspace.PROJECT / ".scenarist"
    assert workspace.local_data_dir() is None


def test_without_the_project_files_live_in_the_home_directory(tmp_path, monkeypatch):
    monkeypatch.delenv("SCENARIST_HOME")
    assert workspace.home() == workspace.PROJECT / ".scenarist"
    monkeypatch.setattr(workspace, "PROJECT", tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    assert workspace.home() == tmp_path / "person" / ".scenarist"


def test_what_the_package_needs_is_what_is_tested():
    """Every dependency of the installed engine is among the pinned versions."""
    needed = tomllib.loads((workspace.PROJECT / "pyproject.toml").read_text())["project"]["dependencies"]
    pinned = {line.split("==")[0] for line in (workspace.PROJECT / "requirements.txt").read_text().splitlines()}
    assert {re.split("[<>=]", name)[0] for name in needed} <= pinned
