"""Words for people that fill more than a paragraph: Markdown files beside the pages that show them."""

from engine.workspace import PROJECT


def prose(name: str) -> str:
    """The text of a Markdown file below ``pages/``: ``surfaces/arbitrage_page/method``."""
    return (PROJECT / "pages" / f"{name}.md").read_text(encoding="utf-8")


def parts(name: str) -> dict[str, str]:
    """The parts of such a text by the ``# heading`` that each stands under."""
    found = (part.partition("\n") for part in f"\n{prose(name)}".split("\n# ")[1:])
    return {heading: text for heading, _, text in found}
