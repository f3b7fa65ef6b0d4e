"""The glossary: every entry has an address, every link of a page leads to one, every page speaks words only."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import glossary, menu, tour

ANCHORS = {term.anchor for term in glossary.terms()}
LINK = re.compile(r"\(glossary#([^)]*)\)")
NEEDED = [
    *("Φ", "β", "ESS", "KL", "CRPS", "Kupiec", "Diebold–Mariano", "VaR", "ES", "ATM", "Moneyness", "Carry", "Forward"),
    *("Butterfly", "Smile", "Skew", "FHS", "GARCH", "VolGAN", "PnL", "Energy score", "Call spread", "Calendar spread"),
    *("Term structure", "Sharpe ratio", "Bootstrap", "Out of sample", "Walk-forward", "Fingerprint"),
]


def test_anchors_are_unique_and_names_say_one_thing() -> None:
    names = [name for term in glossary.terms() for name in term.names]
    assert len(ANCHORS) == len(glossary.terms()) and len(set(names)) == len(names)
    assert all(term.text for term in glossary.terms())


@pytest.mark.parametrize("name", NEEDED)
def test_the_words_that_pages_use_are_explained(name: str) -> None:
    assert LINK.search(glossary.link(name)).group(1) in ANCHORS  # type: ignore[union-attr]


def test_terms_are_found_as_words_only() -> None:
    assert glossary.links("no such thing: yes, essential, variance") == ""
    assert glossary.links("Φ and the ESS") == "[Effective sample size](glossary#ess) · [Φ](glossary#phi)"
    with pytest.raises(KeyError, match="expected a term"):
        glossary.link("gibberish")


def test_the_page_shows_every_entry_and_finds_one() -> None:
    app = AppTest.from_file("../../pages/library/glossary.py", default_timeout=30).run()
    assert not app.exception and len(app.header) == len(ANCHORS)
    app.text_input(key="glossary_search").set_value("free money: call prices").run()
    assert [heading.value for heading in app.header] == ["Butterfly"]


def test_the_method_of_a_page_links_its_terms() -> None:
    app = AppTest.from_file("../../app.py", default_timeout=120).run().switch_page("pages/surfaces/arbitrage.py").run()
    captions = " ".join(caption.value for caption in app.caption)
    found = LINK.findall(captions)
    assert "phi" in found and set(found) <= ANCHORS
    assert any("glossary#phi" in metric.proto.help for metric in app.metric)


def test_the_tour_leads_to_pages_of_the_menu_and_goes_when_dismissed() -> None:
    scripts = {script for entries in menu.SECTIONS.values() for script, _, _ in entries}
    assert {page for page, _, _ in tour.STEPS if page} <= scripts
    app = AppTest.from_file("../../app.py", default_timeout=120)
    app.session_state["tour"] = True
    app.run()
    assert not app.exception
    app.button(key="tour_dismiss").click().run()
    assert not app.exception and not any("Five-minute tour" in expander.label for expander in app.expander)
