"""The words of the field and their links: what the glossary explains is linked from where a page uses it."""

import functools
import re
from dataclasses import dataclass

from engine.workspace import PROJECT

TEXT = PROJECT / "pages" / "library" / "glossary_page" / "glossary.md"


@dataclass(frozen=True)
class Term:
    """One entry: the anchor of its address, the names it goes by (the first one heads it), and what it means."""

    anchor: str
    names: tuple[str, ...]
    text: str


@functools.cache
def terms() -> tuple[Term, ...]:
    """Every entry, in the order of the alphabet: ``# anchor: name · other name`` and the lines below it."""
    found = []
    for part in ("\n" + TEXT.read_text(encoding="utf-8")).split("\n# ")[1:]:
        head, _, text = part.partition("\n")
        anchor, _, names = head.partition(": ")
        found.append(Term(anchor, tuple(names.split(" · ")), text.strip()))
    return tuple(sorted(found, key=lambda term: term.names[0].lower()))


def link(name: str) -> str:
    """Markdown link of a term to its entry.

    Raises:
        KeyError: if the glossary does not explain it.
    """
    anchor = next((term.anchor for term in terms() if name in term.names), None)
    if anchor is None:
        raise KeyError(f"expected a term of the glossary; found {name!r}")
    return f"[{name}](glossary#{anchor})"


def links(text: str) -> str:
    """Links of all terms that a text uses, separated by points; empty if it uses none."""
    return " · ".join(link(found.names[0]) for found in terms() if any(_pattern(n).search(text) for n in found.names))


@functools.cache
def _pattern(name: str) -> re.Pattern[str]:
    """The name as a word; abbreviations only as they are written."""
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", 0 if name.isupper() or len(name) < 4 else re.IGNORECASE)
