"""The router: every page of the menu exists and opens; home paints without the slow libraries."""

import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import menu

PROJECT = Path(__file__).resolve().parents[2]
SCRIPTS = [script for entries in menu.SECTIONS.values() for script, _, _ in entries]
SLOW = ("torch", "sklearn", "statsmodels")


def app() -> AppTest:
    return AppTest.from_file("../../app.py", default_timeout=120)


def test_every_page_of_a_section_folder_is_in_the_menu() -> None:
    found = {
        f"{path.parent.name}/{path.stem}"
        for path in (PROJECT / "pages").glob("*/*.py")
        if path.parent.name != "ui" and not path.stem.startswith("_")
    }
    assert found == set(SCRIPTS)


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_page_opens_through_the_router(script: str) -> None:
    opened = app().run().switch_page(f"pages/{script}.py").run()
    assert not opened.exception, [e.message for e in opened.exception]
    assert opened.title[0].value
    assert not opened.error


def test_home_paints_without_importing_slow_libraries() -> None:
    code = f"""
import sys
from streamlit.testing.v1 import AppTest
shown = AppTest.from_file({str(PROJECT / "app.py")!r}, default_timeout=120).run()
assert not shown.exception and shown.title[0].value == "Scenarist", shown
print([name for name in {SLOW!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_stressed_day_is_one_button_away_and_back() -> None:
    opened = app().run()
    calm = opened.header[0].value
    opened.button[0].click().run()
    assert not opened.exception and opened.header[0].value != calm
    assert [metric.label for metric in opened.metric][2] == "Φ, mean reweighted"
    opened.button[0].click().run()
    assert opened.header[0].value == calm
