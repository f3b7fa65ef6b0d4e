"""The address of a view gives the same view: after F5, a step back, and in another visitor's browser."""

from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Browser, Page, expect

from engine.market.export import surfaces_table
from engine.market.grid import Grid
from engine.models.simulated.market import simulate
from tests.browser.conftest import App, settled

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SLOW = 90_000


def holds(page: Page) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(urlparse(page.url).query).items()}


def wait_for(page: Page, name: str, value: str) -> None:
    page.wait_for_function(
        "([name, value]) => new URLSearchParams(location.search).get(name) === value", arg=[name, value], timeout=SLOW
    )


def test_a_link_f5_and_back_give_the_same_view(app: App, page: Page, browser: Browser) -> None:
    page.goto(f"{app.url}/?data=simulated-10x8")
    settled(page, "The day after", timeout=SLOW)
    page.get_by_role("button", name="Load the stressed day").click()
    settled(page, "Back to the last day", timeout=SLOW)
    stressed = page.get_by_text("The day after").first.inner_text().removeprefix("The day after ")
    wait_for(page, "day", stressed)
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Next-day generators", exact=True).click()
    settled(page, f"The day after {stressed}", timeout=SLOW)
    page.get_by_role("tab", name="Arbitrage", exact=True).click()
    wait_for(page, "tab", "arbitrage")
    here = holds(page)
    assert here["day"] == stressed and here["data"].startswith("simulated") and here["generator"]
    assert "Next-day generators" in page.title() and "Simulated market" in page.title()

    page.reload()
    settled(page, f"The day after {stressed}", timeout=SLOW)
    expect(page.get_by_role("tab", name="Arbitrage", exact=True)).to_have_attribute("aria-selected", "true")
    assert holds(page) == here

    colleague = browser.new_context().new_page()
    colleague.goto(page.url)
    settled(colleague, f"The day after {stressed}", timeout=SLOW)
    expect(colleague.get_by_role("tab", name="Arbitrage", exact=True)).to_have_attribute("aria-selected", "true")
    colleague.context.close()

    page.get_by_role("tab", name="Fans", exact=True).click()
    wait_for(page, "tab", "fans")
    page.go_back()
    wait_for(page, "tab", "arbitrage")
    expect(page.get_by_role("tab", name="Arbitrage", exact=True)).to_have_attribute(
        "aria-selected", "true", timeout=SLOW
    )
    assert page.get_by_test_id("stException").count() == 0


def test_a_link_to_what_is_not_there_says_so_and_shows_something(app: App, page: Page) -> None:
    page.goto(f"{app.url}/arbitrage?data=upload-0000&day=1901-01-01&tab=%3Cb%3E")
    settled(page, "The dataset that the link asks for is not here", timeout=SLOW)
    settled(page, "1901-01-01, which cannot be chosen", timeout=SLOW)
    settled(page, "Days free of arbitrage", timeout=SLOW)
    assert page.get_by_test_id("stException").count() == 0


def test_what_was_uploaded_is_shown_to_the_next_visitor_too(
    app: App, page: Page, browser: Browser, tmp_path: Path
) -> None:
    grid = Grid([0.9, 1.0, 1.1], [30 / 365, 91 / 365, 1.0])
    surfaces_table(simulate(grid, 60, seed=3).history).to_csv(tmp_path / "shown.csv", index=False)
    page.goto(f"{app.url}/market_data")
    settled(page, "Is my file read", timeout=SLOW)
    page.locator('input[type="file"]').first.set_input_files(tmp_path / "shown.csv")
    settled(page, "Data: shown.csv", timeout=SLOW)
    fresh = browser.new_context().new_page()
    fresh.goto(f"{app.url}/arbitrage")
    settled(fresh, "Data: shown.csv", timeout=SLOW)
    fresh.reload()
    settled(fresh, "Data: shown.csv", timeout=SLOW)
    fresh.context.close()


def test_the_switch_makes_every_page_dark_and_light_again(app: App, page: Page) -> None:
    def background() -> str:
        return page.evaluate(
            "() => getComputedStyle(document.querySelector('[data-testid=\"stApp\"]')).backgroundColor"
        )

    page.emulate_media(color_scheme="light")
    page.goto(f"{app.url}/glossary")
    settled(page, "What do Φ, β, ESS", timeout=SLOW)
    light = background()
    with page.expect_navigation():
        page.get_by_role("button", name="Light or dark").click()
    settled(page, "What do Φ, β, ESS", timeout=SLOW)
    dark = background()
    assert dark != light
    page.goto(f"{app.url}/runs")
    settled(page, "What is training", timeout=SLOW)
    assert background() == dark
    page.goto(f"{app.url}/glossary#phi")
    expect(page.locator("#phi")).to_be_in_viewport(timeout=SLOW)
