"""The graph of the shipped study: drawn at once, a node opened, learned again with another η."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import App, settled

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


def test_a_node_of_the_shipped_graph_is_followed(app: App, page: Page) -> None:
    page.goto(f"{app.url}/ensemble_graph")
    settled(page, "Own generator only", timeout=90_000)
    expect(page.locator(".js-plotly-plot .scatterlayer").first).to_be_visible(timeout=60_000)
    page.get_by_role("combobox", name="Node").fill("DTE")
    page.keyboard.press("Enter")
    settled(page, "Assets that use its own", timeout=60_000)
    expect(page.get_by_text("Sharpe ratio, test part").first).to_be_visible()
    assert page.locator('[data-testid="stException"]').count() == 0


def test_weightings_show_their_intervals_and_the_published_ratios(app: App, page: Page) -> None:
    page.goto(f"{app.url}/ensemble_graph")
    settled(page, "Own generator only", timeout=90_000)
    page.get_by_role("tab", name="Weightings").click()
    settled(page, "Soft and hard votes", timeout=60_000)
    expect(page.get_by_text("thesis, 193 assets").first).to_be_visible(timeout=60_000)
    assert page.locator('[data-testid="stException"]').count() == 0
