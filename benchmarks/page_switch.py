"""Seconds from a click in the menu to the page's heading, to its answer, and to its end, while a generator trains.

The answer is the first figure under the heading, its end that of the script with every plot drawn in the browser.

``python -m benchmarks.page_switch``; ``--idle`` without training, ``--rounds 5`` for more rounds through the menu.
Every page is visited once before anything is measured. The line holds the median and the largest of the pages' least
times, and for the home page the first paint of a fresh tab.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.report import print_line
from benchmarks.workbench import QUIET, SETTLED, chromium_path, served, settle, train

PAGES = {
    "Home": "Here is tomorrow",
    "Market data": "Is my file read",
    "Runs": "What is training",
    "Quotes to surface": "What surface do these",
    "Dynamics": "In which few ways",
    "Static arbitrage": "free of static arbitrage",
    "Factor models": "How do surfaces move over three months",
    "Next-day generators": "What can the surface look like tomorrow",
    "Studies": "What does a whole study say",
    "Leaderboard": "Which generator of surfaces",
    "Hedging": "What should be traded today",
    "Fin-GAN": "What would bets on generated returns",
    "Graph ensembles": "Whose generators forecast whom",
}
"""Menu entry → words that its heading's sentence begins with."""


ANSWER = '[data-testid="stElementContainer"]:not([data-stale="true"]) [data-testid="stMetricValue"]'
"""The first figure of a page, no longer that of the page before."""

READS = 2_000
"""Milliseconds that a visitor looks at the first page; meanwhile the browser tells how wide pages are."""

ASKS_FIRST = ("Studies",)
"""Pages that compute when asked to, and show no figure before."""


def main() -> None:
    """Walk through the menu of a served workbench."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="rounds through the menu, of which the least counts")
    parser.add_argument("--idle", action="store_true", help="without a generator that trains")
    asked = parser.parse_args()
    chromium = chromium_path()
    if chromium is None:
        return
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as home, served(Path(home)) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(QUIET))
        page = browser.new_context(viewport={"width": 1440, "height": 1600}).new_page()
        page.set_default_timeout(120_000)
        if asked.idle:
            page.goto(url)
            settle(page, PAGES["Home"])
        else:
            train(page, url)
        page.wait_for_timeout(READS)
        rounds = [[_switch(page, name) for name in PAGES] for _ in range(asked.rounds + 1)][1:]
        heading, answer, whole = (
            [min(one[k][stage] for one in rounds) for k in range(len(PAGES))] for stage in range(3)
        )
        fresh = browser.new_context(viewport={"width": 1440, "height": 1600}).new_page()
        began = time.perf_counter()
        fresh.goto(url)
        fresh.get_by_text(PAGES["Home"]).first.wait_for()
        painted = time.perf_counter() - began
        browser.close()
    figures: dict[str, Any] = {
        "training": not asked.idle,
        "seconds_heading_median": round(statistics.median(heading), 2),
        "seconds_heading_largest": round(max(heading), 2),
        "seconds_answer_median": round(statistics.median(answer), 2),
        "seconds_answer": {name: round(seconds, 2) for name, seconds in zip(PAGES, answer, strict=True)},
        "seconds_whole_median": round(statistics.median(whole), 2),
        "seconds_whole": {name: round(seconds, 2) for name, seconds in zip(PAGES, whole, strict=True)},
        "seconds_home_first_paint": round(painted, 2),
    }
    print_line(figures, "streamlit", "playwright")


def _switch(page: Any, name: str) -> tuple[float, float, float]:
    """Seconds to the heading, to the answer, and to the end of the script."""
    link = page.get_by_test_id("stSidebarNav").get_by_role("link", name=name, exact=True)
    page.wait_for_timeout(300)
    began = time.perf_counter()
    link.click()
    page.get_by_text(PAGES[name]).first.wait_for()
    heading = time.perf_counter() - began
    if name not in ASKS_FIRST:
        page.locator(ANSWER).first.wait_for()
    answer = time.perf_counter() - began
    page.wait_for_selector(SETTLED)
    whole = time.perf_counter() - began
    return heading, whole if name in ASKS_FIRST else answer, whole


if __name__ == "__main__":
    main()
