"""Every page for people who see little, use no mouse, or have a small screen: axe, and what is cut."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from pages.ui.menu import SECTIONS
from tests.browser.conftest import App, settled

PAGES = {
    "" if script == "data/home" else script.rpartition("/")[2]: title
    for entries in SECTIONS.values()
    for script, title, _ in entries
}
CUT = """[...document.querySelectorAll('[data-testid="stMetric"] *')].filter(
  part => part.scrollWidth > part.clientWidth + 1 && getComputedStyle(part).overflowX !== "visible"
).map(part => part.innerText)"""


def opened(tab: Page, url: str) -> None:
    tab.goto(url)
    expect(tab.locator("h1")).to_be_visible(timeout=60_000)
    settled(tab, tab.locator("h1").inner_text(), timeout=60_000)
    expect(
        tab.locator('[data-testid="stSidebarNavItems"][role="presentation"]')
    ).to_be_attached()  # the script is there
    expect(tab.locator('[data-stale="true"]')).to_have_count(0)
    tab.wait_for_timeout(500)  # fading ends


@pytest.mark.parametrize("address", PAGES)
def test_axe_finds_nothing_serious_and_no_figure_is_cut(app: App, browser: Browser, address: str) -> None:
    for scheme, width, height in (("light", 1280, 800), ("dark", 390, 844)):
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
        tab = context.new_page()
        opened(tab, f"{app.url}/{address}")
        found = Axe().run(tab).response["violations"]
        serious = {one["id"]: one["nodes"][0]["html"] for one in found if one["impact"] in ("serious", "critical")}
        headings = [one["id"] for one in found if one["id"] == "heading-order"]
        cut = tab.evaluate(CUT)
        top = tab.evaluate("document.querySelector('h1').getBoundingClientRect().top")
        beyond = tab.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        context.close()
        assert not serious and not headings, f"{scheme}, {width} px"
        assert not cut, f"cut at {width} px: {cut}"
        assert top <= 100 and beyond <= 0, f"title at {top} px, {beyond} px wider than {width}"


def test_the_menu_of_a_phone_closes_after_a_choice(app: App, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    tab = context.new_page()
    opened(tab, app.url)
    tab.get_by_test_id("stExpandSidebarButton").click()
    link = tab.get_by_test_id("stSidebarNav").get_by_role("link", name="Leaderboard")
    link.click()
    settled(tab, "Which generator of surfaces forecasts best")
    expect(tab.get_by_test_id("stSidebar")).to_have_attribute("data-collapsed", "true")
    context.close()
