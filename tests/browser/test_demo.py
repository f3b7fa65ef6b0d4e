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


def home(page: Page, address: str) -> str:
    """Step 1: tomorrow by the most credible generator, its past hit rate, and the stressed day, which stays chosen."""
    page.goto(address)
    settled(page, "Here is tomorrow, ten thousand times", timeout=SLOW)
    expect(page.get_by_text("bands held").first).to_be_visible(timeout=SLOW)
    calm = metric(page, "ATM").inner_text()
    page.get_by_role("button", name="Load the stressed day").click()
    settled(page, "Back to the last day", timeout=SLOW)
    expect(metric(page, "ATM")).not_to_have_text(calm)
    stressed = page.locator("h2").first.inner_text()
    go(page, "Next-day generators", "What can the surface look like tomorrow")
    settled(page, stressed, timeout=SLOW)
    return stressed.removeprefix("The day after ")


def drag_beta(page: Page) -> None:
    """Step 2: β drags weights together."""
    tab(page, "Arbitrage", "Penalties of")
    before = effective(page)
    slider = page.get_by_test_id("stSlider").filter(has_text="how strongly arbitrage").get_by_role("slider")
    slider.focus()
    for _ in range(60):
        slider.press("ArrowRight")
    expect(metric(page, "Effective sample size")).not_to_have_text(f"{before:,.0f}", timeout=SLOW)
    settled(page, "Penalties of", timeout=SLOW)
    assert effective(page) < before


def ticket(page: Page, day: str) -> None:
    """Step 5: what to trade today, on the day chosen."""
    go(page, "Hedging", "What should be traded today")
    settled(page, f"Ticket of {day}", timeout=SLOW)  # the day chosen on Home
    expect(metric(page, "Trade today")).to_contain_text("Sell", timeout=SLOW)  # the straddle held is long the index


def test_the_five_minute_demo(app: App, page: Page) -> None:
    stressed = home(page, f"{app.url}/?data=simulated-10x8")
    screenshot(page, "demo-1-home")

    page.get_by_role("combobox", name="Generator").fill("VolGAN as published on Simulated market, 10×8")
    page.keyboard.press("Enter")
    settled(page, "VolGAN as published on", timeout=SLOW)
    drag_beta(page)
    screenshot(page, "demo-2-arbitrage")

    # 3 · where the model is wrong
    tab(page, "Validation", "Where the model is wrong")
    expect(page.get_by_text("Filtered historical simulation").first).to_be_visible()
    screenshot(page, "demo-3-validation")

    ticket(page, stressed)
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
    assert page.get_by_test_id("stException").count() == 0
    screenshot(page, "demo-5-graph")


def test_the_demo_on_a_file_of_ones_own(app: App, page: Page, upload: Path) -> None:
    page.goto(f"{app.url}/market_data")
    settled(page, "Is my file read", timeout=SLOW)
    page.locator('input[type="file"]').first.set_input_files(upload)
    settled(page, f"Data: {upload.name}", timeout=SLOW)
    screenshot(page, "demo-6-uploaded")
    stressed = home(page, app.url)
    settled(page, f"Data: {upload.name}", timeout=SLOW)
    expect(page.get_by_text("fitted to these data").first).to_be_visible()
    drag_beta(page)
    tab(page, "Validation", "has been finished yet")  # nobody has run it on these data, and nothing else is shown
    ticket(page, stressed)
    screenshot(page, "demo-6-ticket")
    colleague = page.context.browser.new_context()  # type: ignore[union-attr]
    other = colleague.new_page()
    other.goto(page.url)
    settled(other, f"Data: {upload.name}", timeout=SLOW)
    settled(other, f"Ticket of {stressed}", timeout=SLOW)
    expect(metric(other, "Trade today")).to_have_text(metric(page, "Trade today").inner_text(), timeout=SLOW)
    colleague.close()
    go(page, "Static arbitrage", "free of static arbitrage")
    settled(page, f"Data: {upload.name}", timeout=SLOW)
    assert page.get_by_test_id("stException").count() == 0
