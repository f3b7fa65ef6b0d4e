"""Equations in the pages' texts as Streamlit sets them, and no text that it shows unasked."""

import ast
from pathlib import Path

import pytest

from pages.ui import menu

PAGES_FOLDER = Path(__file__).resolve().parents[2] / "pages"
PAGES = sorted(path for end in ("*.py", "*.md") for path in PAGES_FOLDER.rglob(end))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_displayed_equations_stand_alone_between_their_dollars(path: Path) -> None:
    """Text on the line of a ``$$`` is swallowed by the equation, which then fails and takes the rest along."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if "$$" in line and line.strip() != "$$"]
    assert sum(line.strip() == "$$" for line in lines) % 2 == 0


@pytest.mark.parametrize("script", [script for entries in menu.SECTIONS.values() for script, _, _ in entries])
def test_no_page_script_shows_a_string_that_only_documents(script: str) -> None:
    """Streamlit writes every bare value of a page's script on the page, but for its first string."""
    source = (PAGES_FOLDER / f"{script}.py").read_text(encoding="utf-8")
    bare = [node for node in ast.parse(source).body[1:] if isinstance(node, ast.Expr)]
    assert not [node.lineno for node in bare if not isinstance(node.value, ast.Call)]
