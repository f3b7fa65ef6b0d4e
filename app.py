"""Router of the workbench: it only says which pages there are. Start it with ``python app.py``, as ``make app`` does.

``streamlit run app.py`` works too, but because a folder named ``pages`` lies beside this file, Streamlit then takes the
first deep link after a start for a page of that folder and says "Page not found" over the right page.
"""

import gc
import sys
import threading

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

# seconds that the browser gets to show the first page before torch, 1.4 s of work, is loaded
AFTER_FIRST_PAINT = 3.0


def main() -> None:
    """What a browser sees: the menu and the chosen page."""
    from pages.ui import address, brightness, jobs, look, menu, widths

    st.set_page_config(page_title="Scenarist", page_icon=menu.ICON, layout="wide")
    page = st.navigation(menu.pages(), expanded=True)
    look.dress()
    widths.measure()
    at_work = st.container()
    with address.kept(page):
        page.run()
    with at_work:
        jobs.strip()
    brightness.switch()
    load_families()


def serve(arguments: list[str]) -> None:
    """Start the server, and load meanwhile what the home page needs."""
    from streamlit.runtime.pages_manager import PagesManager
    from streamlit.web import cli

    PagesManager.uses_pages_directory = False  # pages come from the menu, from the first request on
    threading.Thread(target=warm_up, daemon=True).start()
    cli.main_run([__file__, *arguments])


def warm_up() -> None:
    """Compile the penalty and draw the built-in market before the first visitor asks for them."""
    from engine.models.simulated.market import built_in
    from engine.surfaces import arbitrage

    built_in("simulated-10x8")
    arbitrage.warm_up()
    gc.collect()
    gc.freeze()  # what is loaded now stays: no collection need look at it while a page is drawn


@st.cache_resource(show_spinner=False)
def load_families() -> None:
    """Once a page has been drawn: load torch in the background, so that no visitor waits for it with a draw."""

    def load() -> None:
        from engine.models import family_model

        family_model.warm_up()

    timer = threading.Timer(AFTER_FIRST_PAINT, load)
    timer.daemon = True
    timer.start()


if get_script_run_ctx(suppress_warning=True) is not None:
    main()
elif __name__ == "__main__":
    serve(sys.argv[1:])
