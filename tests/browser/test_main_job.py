"""The main job, as a newcomer does it: upload surfaces, train, sample, see the penalty matrices, download."""

from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from engine.market.export import surfaces_table
from engine.market.grid import Grid
from engine.models.simulated.market import simulate
from pages.ui import menu
from tests.browser.conftest import App, screenshot, settled

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

SCRIPTS = [script.split("/")[1] for entries in menu.SECTIONS.values() for script, _, _ in entries]
PAGES = ["" if script == "home" else script for script in SCRIPTS]
GRID = Grid([0.9, 0.94, 0.97, 1.0, 1.03, 1.06, 1.1], [day / 365 for day in (61, 91, 182, 365, 548, 730)])
DAYS = 300


@pytest.fixture(scope="module")
def surfaces_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's file: wide surfaces on a grid that no shipped generator knows."""
    path = tmp_path_factory.mktemp("upload") / "my_surfaces.csv"
    surfaces_table(simulate(GRID, DAYS, seed=11).history).to_csv(path, index=False)
    return path


def open_page(page: Page, name: str, heading: str) -> None:
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=name, exact=True).click()
    settled(page, heading)


def test_upload_train_sample_and_download(app: App, page: Page, surfaces_csv: Path, tmp_path: Path) -> None:
    page.goto(app.url)
    settled(page, "What next", timeout=90_000)
    screenshot(page, "1-home")

    open_page(page, "Market data", "Is my file read")
    page.locator('input[type="file"]').first.set_input_files(surfaces_csv)
    settled(page, f"Data: {surfaces_csv.name}", timeout=60_000)
    expect(page.get_by_test_id("stMetricValue").filter(has_text="300")).to_be_visible()
    screenshot(page, "2-uploaded")

    open_page(page, "Next-day generators", "What can the surface look like tomorrow")
    settled(page, f"Data: {surfaces_csv.name}")
    expect(page.get_by_text("fitted to these data").first).to_be_visible()  # nothing is trained on them yet
    page.get_by_role("tab", name="Train", exact=True).click()
    settled(page, "you may leave this page", timeout=60_000)
    page.get_by_role("combobox", name="Model to train").fill("VolGAN")
    page.keyboard.press("Enter")
    settled(page, "Train VolGAN on", timeout=60_000)
    epochs = page.get_by_label("Epochs", exact=True)
    epochs.fill("20")
    epochs.press("Tab")
    page.get_by_role("button", name="Train in the background").click()
    expect(page.get_by_text("You may leave this page").first).to_be_visible(timeout=60_000)
    screenshot(page, "3-training")
    page.get_by_role("button", name="Show its scenarios").click(timeout=180_000)
    settled(page, "It is the one shown", timeout=60_000)
    expect(page.get_by_text(f"VolGAN as published on {surfaces_csv.name}").first).to_be_visible()
    screenshot(page, "4-scenarios")

    page.get_by_role("tab", name="Arbitrage").click()
    settled(page, "Call spread P2", timeout=60_000)
    expect(page.locator('[data-testid="stPlotlyChart"]').first).to_be_visible()
    screenshot(page, "5-penalties")

    page.get_by_role("tab", name="Download").click()
    with page.expect_download(timeout=60_000) as got:
        page.get_by_role("button", name="CSV").first.click()
    got.value.save_as(tmp_path / "scenarios.csv")
    table = pd.read_csv(tmp_path / "scenarios.csv")
    assert len(table) == 10_000 and {"scenario", "weight", "log_return"} <= set(table.columns)
    assert abs(table["weight"].sum() - 1) < 1e-6
    assert sum(name.startswith("iv_") for name in table.columns) == GRID.size

    open_page(page, "Runs", "What is training")
    expect(page.get_by_text("finished").first).to_be_visible()
    screenshot(page, "6-runs")


WRONG = {
    "shopping.csv": ("milk,eggs\n1,2\n", "What does shopping.csv hold"),
    "one_maturity.csv": (
        "date,spot,iv_30d_0.9,iv_30d_1,iv_30d_1.1\n2020-01-02,100,0.2,0.2,0.2\n",
        "expected at least two maturities",
    ),
    "empty.csv": ("", "expected"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_one_question_or_sentence_and_loses_nothing(
    app: App, page: Page, tmp_path: Path, name: str
) -> None:
    content, sentence = WRONG[name]
    (tmp_path / name).write_text(content)
    page.goto(f"{app.url}/market_data")
    settled(page, "Is my file read")
    page.locator('input[type="file"]').first.set_input_files(tmp_path / name)
    settled(page, sentence)
    assert "Traceback" not in page.content()
    assert page.get_by_text("Data: ").count() > 0  # what was active still is


def test_a_file_of_50_mb_is_refused_with_what_to_do(app: App, page: Page, tmp_path: Path) -> None:
    with (tmp_path / "big.csv").open("wb") as file:
        file.truncate(50_000_000)
    page.goto(f"{app.url}/market_data")
    settled(page, "Is my file read")
    page.locator('input[type="file"]').first.set_input_files(tmp_path / "big.csv")
    expect(page.get_by_text("File must be 20.0MB or smaller").first).to_be_attached()
    settled(page, "is not taken here: put it into the folder named by")
    assert page.get_by_text("Data: ").count() > 0


def test_a_deep_link_opens_its_page_at_once(app: App, page: Page) -> None:
    page.goto(f"{app.url}/next_day")
    settled(page, "What can the surface look like tomorrow", timeout=60_000)
    assert page.get_by_text("Page not found").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_every_page_in_light_and_dark_without_an_exception(app: App, page: Page, name: str, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(f"{app.url}/{name}")
    page.wait_for_selector("h1", timeout=90_000)
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=90_000)
    assert page.get_by_test_id("stException").count() == 0
    screenshot(page, f"page-{name or 'home'}-{scheme}")
