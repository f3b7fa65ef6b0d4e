"""Seconds from a new seed to 10,000 scenarios on the page: figures, then everything drawn, in a real Chromium.

``python -m benchmarks.page_scenarios``; ``--least 10`` for more timings of each on a busy machine, ``--training`` to
measure while a generator trains in the background. Drawn means that the script has ended, every message of it has been
taken over and the browser has painted twice. A Chromium without a graphics card draws WebGL in software, which is what
"turned by hand" costs here.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.report import print_line
from benchmarks.workbench import PAINTED, QUIET, SETTLED, chromium_path, served, settle, train

TABS = ("Surface", "Arbitrage", "Fans")
CHARTS = {"Surface": 3, "Arbitrage": 4, "Fans": 4}
"""Pictures on each tab."""

FIRST_SEED = 1000


def main() -> None:
    """Serve the workbench from an empty workspace and change the seed on each tab."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--least", type=int, default=5, help="timings of each, of which the least counts")
    parser.add_argument("--training", action="store_true", help="while a generator trains")
    asked = parser.parse_args()
    chromium = chromium_path()
    if chromium is None:
        return
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as home, served(Path(home)) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(QUIET))
        page = browser.new_context(viewport={"width": 1440, "height": 1600}).new_page()
        page.set_default_timeout(120_000)
        if asked.training:
            train(page, url)
        else:
            page.goto(f"{url}/volgan")
            settle(page, "The day after")
        figures: dict[str, Any] = {"training": asked.training, "scenarios": 10_000}
        seed = FIRST_SEED
        for tab in TABS:
            page.get_by_role("tab", name=tab, exact=True).click()
            seed = _measured(page, tab.lower(), CHARTS[tab], seed, asked.least, figures)
        page.get_by_role("tab", name="Surface", exact=True).click()
        page.get_by_text("Turn by hand", exact=True).click()
        _measured(page, "surface_turned_by_hand", CHARTS["Surface"], seed, asked.least, figures)
        browser.close()
    print_line(figures, "streamlit", "plotly", "playwright")


def _measured(page: Any, name: str, charts: int, first: int, least: int, figures: dict[str, Any]) -> int:
    """Add the least and the middle of several timings; the next free seed."""
    page.wait_for_timeout(2_000)  # the tab has been drawn once
    numbers, drawn = [], []
    for seed in range(first, first + least):
        box = page.get_by_label("Seed", exact=True).first
        box.fill(str(seed))
        began = time.perf_counter()
        box.press("Enter")
        page.wait_for_function(f"() => document.body.innerText.includes('seed {seed} ')")
        numbers.append(time.perf_counter() - began)
        page.wait_for_selector(SETTLED)
        page.wait_for_function(f"() => document.querySelectorAll('.js-plotly-plot .main-svg').length >= {charts}")
        page.evaluate(PAINTED)
        drawn.append(time.perf_counter() - began)
        page.wait_for_timeout(300)
    figures[f"seconds_figures_{name}"] = round(min(numbers), 2)
    figures[f"seconds_drawn_{name}"] = round(min(drawn), 2)
    figures[f"seconds_drawn_{name}_median"] = round(sorted(drawn)[len(drawn) // 2], 2)
    return first + least


if __name__ == "__main__":
    main()
