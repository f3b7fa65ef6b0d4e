"""Seconds from a new seed to 10,000 scenarios on the page: figures, then everything drawn, in a real Chromium.

``python -m benchmarks.page_scenarios``; ``--least 10`` for more timings of each on a busy machine, ``--training`` to
measure while a generator trains in the background. Drawn means that the script has ended, every message of it has been
taken over and the browser has painted twice. A Chromium without a graphics card draws WebGL in software, which is what
"turned by hand" costs here.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.report import print_line

PROJECT = Path(__file__).resolve().parents[1]
QUIET = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run")
SETTLED = '[data-testid="stApp"][data-test-script-state="notRunning"]'
PAINTED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 0))))"
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
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        print("no Chromium on this machine, so the page is not measured (make test installs one where it can)")
        return
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as home, _served(Path(home)) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(QUIET))
        page = browser.new_context(viewport={"width": 1440, "height": 1600}).new_page()
        page.set_default_timeout(120_000)
        page.goto(f"{url}/volgan")
        _settle(page, "The day after")
        if asked.training:
            page.get_by_role("tab", name="Train", exact=True).click()
            page.get_by_role("button", name="Train in the background").click()
            page.get_by_text("You may leave this page").first.wait_for()
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


def _settle(page: Any, text: str) -> None:
    page.get_by_text(text).first.wait_for()
    page.wait_for_selector(SETTLED)


@contextmanager
def _served(home: Path) -> Iterator[str]:
    """The address of a workbench on a free port, over when the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "SCENARIST_HOME": str(home), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "app.py", "--server.port", str(port), "--server.address", "127.0.0.1"]
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "--server.headless", "true"], cwd=PROJECT, env=environment, stdout=log, stderr=log
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(f"{url}/_stcore/health", server)
            yield url
        finally:
            _stop_jobs(home)
            server.terminate()
            server.wait(timeout=20)


def _stop_jobs(home: Path) -> None:
    """Jobs outlive their server; those of the temporary workspace must not."""
    os.environ["SCENARIST_HOME"] = str(home)
    from engine.errors import JobError
    from engine.runs import jobs

    for run in jobs.list_runs():
        if run.active:
            try:
                jobs.cancel(run.directory)
            except JobError:
                continue  # it has just ended by itself
            while jobs.read(run.directory).active:
                time.sleep(0.1)


def _wait(health: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(health, timeout=2)
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    raise RuntimeError("the server did not answer within 60 s")


if __name__ == "__main__":
    main()
