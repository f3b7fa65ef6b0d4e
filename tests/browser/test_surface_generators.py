"""The page of generators in a real browser: painted at first, WebGL when asked for; the leaderboard at first sight."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import App, settled

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_the_surface_is_painted_and_turned_by_hand_when_asked_for(app: App, page: Page) -> None:
    page.goto(f"{app.url}/next_day?data=simulated-10x8")
    settled(page, "The day after", timeout=90_000)
    painted = page.locator(".st-key-volgan_projected .shapelayer path")
    expect(painted.first).to_be_attached(timeout=60_000)
    assert painted.count() == 1 + 9 * 7  # the net, and the cells of a 10×8 surface
    assert page.locator(".gl-container canvas").count() == 0
    page.get_by_text("Turn by hand", exact=True).click()
    expect(page.locator(".st-key-volgan_3d .gl-container canvas").first).to_be_attached(timeout=60_000)
    box = page.get_by_label("Seed", exact=True).first
    box.fill("7")
    box.press("Enter")
    settled(page, "seed 7", timeout=60_000)
    assert page.get_by_test_id("stException").count() == 0


def test_the_leaderboard_shows_the_shipped_one_at_once(app: App, page: Page) -> None:
    page.goto(f"{app.url}/leaderboard?data=simulated-10x8")
    settled(page, "Best forecast", timeout=90_000)
    expect(page.locator(".st-key-leaderboard_ranking .js-plotly-plot")).to_be_visible(timeout=60_000)
    page.get_by_role("tab", name="Exceedances").click()
    expect(page.locator(".st-key-leaderboard_exceedance .js-plotly-plot")).to_be_visible(timeout=60_000)
    assert page.get_by_test_id("stException").count() == 0
