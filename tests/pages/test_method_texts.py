"""Equations in the pages' texts as Streamlit sets them."""

from pathlib import Path

import pytest

PAGES = sorted(p for end in ("*.py", "*.md") for p in (Path(__file__).resolve().parents[2] / "pages").rglob(end))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_displayed_equations_stand_alone_between_their_dollars(path: Path) -> None:
    """Text on the line of a ``$$`` is swallowed by the equation, which then fails and takes the rest along."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if "$$" in line and line.strip() != "$$"]
    assert sum(line.strip() == "$$" for line in lines) % 2 == 0
