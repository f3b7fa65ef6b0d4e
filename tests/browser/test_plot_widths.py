"""Plots come at the width that they have in this browser, so that it draws them once."""

import re

import pytest
from playwright.sync_api import Page, WebSocket

from tests.browser.conftest import App, settled

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PLOTS = """() => [...document.querySelectorAll(".js-plotly-plot")].map(plot => ({
    width: plot.parentElement.clientWidth, drawn: plot._fullLayout.width,
    template: plot.layout.template !== undefined, revision: plot.layout.datarevision !== undefined,
    fits: plot.getBoundingClientRect().right <= window.innerWidth,
}))"""


@pytest.mark.parametrize("width", [1440, 1150])
def test_plots_are_sent_at_their_width(app: App, page: Page, width: int) -> None:
    sent: list[bytes] = []

    def watch(socket: WebSocket) -> None:
        socket.on("framereceived", lambda data: sent.append(data if isinstance(data, bytes) else data.encode()))

    page.on("websocket", watch)
    page.set_viewport_size({"width": width, "height": 1600})
    page.goto(f"{app.url}/?data=simulated-10x8")
    settled(page, "Here is tomorrow", timeout=90_000)
    page.wait_for_timeout(2_000)  # the width is told when the page is at rest
    sent.clear()
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Next-day generators", exact=True).click()
    settled(page, "The day after", timeout=90_000)
    page.wait_for_function("() => document.querySelectorAll('.js-plotly-plot .main-svg').length >= 6")
    plots = page.evaluate(PLOTS)
    assert len(plots) == 3
    widths = {int(found) for found in re.findall(rb'"width":(\d{3,4})[,}]', b"".join(sent))}
    for plot in plots:
        assert plot["drawn"] == plot["width"] and plot["width"] in widths, (plot, widths)
        assert plot["revision"] and plot["fits"] and not plot["template"]


def test_a_tab_opened_as_soon_as_the_page_is_there_is_drawn(app: App, page: Page) -> None:
    for k in range(10):  # around the moment at which the browser first tells its width
        page.goto(f"{app.url}/next_day?data=simulated-10x8")
        settled(page, "The day after", timeout=90_000)
        page.wait_for_timeout(40 * k)
        page.get_by_role("tab", name="Train", exact=True).click()
        page.get_by_role("button", name="Train in the background").wait_for()


def test_a_click_is_never_lost_to_the_width(app: App, page: Page) -> None:
    """Pages are chosen at all moments around that at which the browser tells a new width."""
    page.goto(f"{app.url}/?data=simulated-10x8")
    settled(page, "Here is tomorrow", timeout=90_000)
    for k in range(24):
        page.set_viewport_size({"width": 1440 - 8 * (k % 5) - 8, "height": 1600})
        page.wait_for_timeout((200 if k % 2 else 950) + (k * 37) % 300)
        name, words = (("Studies", "What does a whole study say"), ("Home", "Here is tomorrow"))[k % 2]
        page.get_by_test_id("stSidebarNav").get_by_role("link", name=name, exact=True).click()
        settled(page, words)
