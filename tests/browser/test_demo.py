"""The five-minute demo of UX, played to its end: nothing in it waits on training."""

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from engine.market.export import surfaces_table
from engine.market.grid import Grid
from engine.models.simulated.market import simulate
from tests.browser.conftest import App, screenshot, settled

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

SPX = Path(__file__).resolve().parents[3] / "shared" / "data" / "spx_surfaces_2006_2009.csv"
GRID = Grid([0.9, 0.95, 1.0, 1.05, 1.1], [day / 365 for day in (61, 91, 182, 365)])
SLOW = 90_000


def metric(page: Page, label: str) -> Locator:
    return page.get_by_test_id("stMetric").filter(has_text=label).first.get_by_test_id("stMetricValue")


def go(page: Page, name: str, sentence: str) -> None:
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=name, exact=True).click()
    settled(page, sentence, timeout=SLOW)


def choose(page: Page, label: str, option: str, wait_for: str) -> None:
    box = page.get_by_test_id("stSelectbox").filter(has=page.get_by_text(label, exact=True)).first
    box.locator("input").click()
    page.get_by_role("option", name=option, exact=True).click()
    settled(page, wait_for, timeout=SLOW)


def tab(page: Page, name: str, wait_for: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()
    settled(page, wait_for, timeout=SLOW)


def effective(page: Page) -> float:
    return float(metric(page, "Effective sample size").inner_text().replace(",", ""))


@pytest.fixture(scope="module")
def upload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real file where it is, one like it elsewhere."""
    if SPX.is_file():
        return SPX
    path = tmp_path_factory.mktemp("demo") / SPX.name
    surfaces_table(simulate(GRID, 400, seed=12).history).to_csv(path, index=False)
    return path


def test_the_five_minute_demo(app: App, page: Page, upload: Path) -> None:
    # 1 · home: tomorrow, ten thousand times
    page.goto(app.url)
    settled(page, "Here is tomorrow, ten thousand times", timeout=SLOW)
    calm = metric(page, "ATM 1M vol").inner_text()
    page.get_by_role("button", name="Load the stressed day").click()
    settled(page, "Back to the last day", timeout=SLOW)
    expect(metric(page, "ATM 1M vol")).not_to_have_text(calm)
    screenshot(page, "demo-1-home")

    # 2 · arbitrage: drag β, weights concentrate
    go(page, "Next-day generators", "What can the surface look like tomorrow")
    choose(page, "Day", "Most stressed day", "The day after")
    tab(page, "Arbitrage", "Penalties of")
    before = effective(page)
    slider = page.get_by_test_id("stSlider").filter(has_text="how strongly arbitrage").get_by_role("slider")
    slider.focus()
    for _ in range(60):
        slider.press("ArrowRight")
    expect(metric(page, "Effective sample size")).not_to_have_text(f"{before:,.0f}", timeout=SLOW)
    settled(page, "Penalties of", timeout=SLOW)
    assert effective(page) < before
    screenshot(page, "demo-2-arbitrage")

    # 3 · three dates, three fans; where the model is wrong
    days = set()
    heading = page.get_by_text("The day after").first
    for which in ("Calmest day", "Last day", "Most stressed day"):
        before = heading.inner_text()
        choose(page, "Day", which, "The day after")
        expect(heading).not_to_have_text(before, timeout=SLOW)  # the words are there before the new day is
        tab(page, "Fans", "The day after")
        days.add(heading.inner_text())
        expect(page.locator('[data-testid="stPlotlyChart"]:visible').first).to_be_visible()
    assert len(days) == 3
    tab(page, "Validation", "Where the model is wrong")
    expect(page.get_by_text("Filtered historical simulation").first).to_be_visible()
    screenshot(page, "demo-3-validation")

    # 4 · today's straddle becomes a ticket; how four methods have done
    go(page, "Hedging", "What should be traded today")
    settled(page, "Ticket of", timeout=SLOW)
    screenshot(page, "demo-4-ticket")
    tab(page, "Backtest", "What should be traded today")
    expect(
        page.locator('[data-testid="stPlotlyChart"]:visible, [data-testid="stDataFrame"]:visible').first
    ).to_be_visible(timeout=SLOW)
    screenshot(page, "demo-4-backtest")

    # 5 · Fin-GAN, then whose generators forecast a utility
    go(page, "Fin-GAN", "What would bets on generated returns have earned")
    expect(page.get_by_test_id("stMetric").first).to_be_visible(timeout=SLOW)
    screenshot(page, "demo-5-fingan")
    go(page, "Graph ensembles", "Whose generators forecast whom")
    page.get_by_role("combobox", name="Node").fill("DTE")
    page.keyboard.press("Enter")
    settled(page, "Assets that use its own", timeout=SLOW)
    screenshot(page, "demo-5-graph")

    # 6 · a file of one's own: every page speaks of it
    go(page, "Market data", "Is my file read")
    page.locator('input[type="file"]').first.set_input_files(upload)
    settled(page, f"Data: {upload.name}", timeout=SLOW)
    for name, sentence in (
        ("Static arbitrage", "free of static arbitrage"),
        ("Hedging", "What should be traded today"),
    ):
        go(page, name, sentence)
        settled(page, f"Data: {upload.name}", timeout=SLOW)
    assert page.get_by_test_id("stException").count() == 0
    screenshot(page, "demo-6-uploaded")
