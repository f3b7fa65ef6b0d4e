"""A workbench served for measuring, and the Chromium that looks at it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
QUIET = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run")
SETTLED = '[data-testid="stApp"][data-test-script-state="notRunning"]'
PAINTED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 0))))"


def chromium_path() -> str | None:
    """The Chromium of this machine; says so if there is none."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        print("no Chromium on this machine, so the page is not measured (make test installs one where it can)")
    return found


def train(page: Any, url: str) -> None:
    """Start training VolGAN with the published settings in the background, from its page."""
    page.goto(f"{url}/volgan")
    settle(page, "The day after")
    page.get_by_role("tab", name="Train", exact=True).click()
    page.get_by_role("button", name="Train in the background").click()
    page.get_by_text("You may leave this page").first.wait_for()


def settle(page: Any, text: str) -> None:
    """Wait until a text is on the page and its script has ended."""
    page.get_by_text(text).first.wait_for()
    page.wait_for_selector(SETTLED)


@contextmanager
def served(home: Path) -> Iterator[str]:
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
