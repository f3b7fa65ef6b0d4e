"""The house as a whole: no import circle, every package has a face, every name in the documents exists."""

import importlib
import re
from pathlib import Path

import grimp
import networkx as nx
import pytest

PROJECT = Path(__file__).resolve().parent.parent
DOCUMENTS = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
RECORD = "decisions.md"
"""What was decided keeps the names of its day."""


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Inside packages too. Imports for annotations alone (``if TYPE_CHECKING``) are never carried out and left out."""
    graph = grimp.build_graph("engine", "pages", exclude_type_checking_imports=True)
    imports = nx.DiGraph()
    for module in graph.modules:
        imports.add_edges_from((module, imported) for imported in graph.find_modules_directly_imported_by(module))
    circles = [circle for circle in nx.strongly_connected_components(imports) if len(circle) > 1]
    assert [sorted(circle) for circle in circles] == []


@pytest.mark.parametrize("face", sorted((PROJECT / "engine").rglob("__init__.py")), ids=lambda path: path.parent.name)
def test_a_package_says_what_it_is(face: Path) -> None:
    assert face.read_text(encoding="utf-8").startswith('"""')


@pytest.mark.parametrize("document", [path for path in DOCUMENTS if path.name != RECORD], ids=lambda path: path.name)
def test_names_and_paths_in_a_document_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    names = set(re.findall(r"`((?:engine|pages|benchmarks)(?:\.\w+)+)", text))
    paths = set(re.findall(r"`((?:engine|pages|benchmarks|tests|docs|checkpoints)/[\w./-]*)`", text))
    missing = [name for name in sorted(names) if not _found(name)]
    assert missing + [path for path in sorted(paths) if not (PROJECT / path).exists()] == []


def _found(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for k in range(len(parts), 0, -1):
        if (PROJECT / Path(*parts[:k])).is_dir() or (PROJECT / Path(*parts[:k])).with_suffix(".py").is_file():
            found = importlib.import_module(".".join(parts[:k])) if k < len(parts) else None
            for attribute in parts[k:]:
                if not hasattr(found, attribute) and attribute not in getattr(found, "__annotations__", {}):
                    return False
                found = getattr(found, attribute, None)
            return True
    return False
