"""Equations in the pages' texts as Streamlit sets them, and no text that it shows unasked."""

import ast
from pathlib import Path

import pytest

from pages.ui import frame, menu

PROJECT = Path(__file__).resolve().parents[2]
PAGES = PROJECT / "pages"
TEXTS = sorted((*PAGES.rglob("*.py"), *PAGES.rglob("*.md"), *(PROJECT / "engine" / "models").rglob("*.md")))


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: "/".join(path.relative_to(PROJECT).parts))
def test_displayed_equations_stand_alone_between_their_dollars(path: Path) -> None:
    """Text on the line of a ``$$`` is swallowed by the equation, which then fails and takes the rest along."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if "$$" in line and line.strip() != "$$"]
    assert sum(line.strip() == "$$" for line in lines) % 2 == 0


def test_parts_of_a_text_are_what_stands_under_its_headings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "method.md").write_text("# one\nFirst, # of all.\n\n# two words\nSecond.\n", encoding="utf-8")
    monkeypatch.setattr(frame, "PROJECT", tmp_path)
    assert frame.parts("method") == {"one": "First, # of all.\n", "two words": "Second.\n"}


SCRIPTS = [f"pages/{script}.py" for entries in menu.SECTIONS.values() for script, _, _ in entries]


@pytest.mark.parametrize("script", ["app.py", *SCRIPTS])
def test_no_script_shows_a_string_that_only_documents(script: str) -> None:
    """Streamlit writes every bare value of a script on the page, but for its first string."""
    source = (PROJECT / script).read_text(encoding="utf-8")
    bare = [node for node in ast.parse(source).body[1:] if isinstance(node, ast.Expr)]
    assert not [node.lineno for node in bare if not isinstance(node.value, ast.Call)]
