"""Home speaks of the open surfaces once a generator was trained on them, and says so while there is none."""

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import generators
from tests.pages.test_next_day_page import GRID, generator, history, upload


def opened(dataset: str) -> AppTest:
    app = AppTest.from_file("../../app.py", default_timeout=120)
    app.session_state["surfaces_dataset"] = dataset
    app.run()
    assert not app.exception and not app.error
    return app


def test_home_shows_an_upload_as_soon_as_a_generator_knows_it() -> None:
    loaded = upload(history(GRID, seed=77), "mine.csv")
    before = opened(loaded.entry.id)
    assert "No generator has been trained on mine" in before.info[0].value.replace("\\", "")
    assert before.header[0].value == "The day after 2021-12-31"
    generator("quick", loaded)
    after = opened(loaded.entry.id)
    assert not after.info
    assert after.header[0].value == f"The day after {loaded.data.dates[-1]}"
    assert loaded.data.fingerprint in after.caption[0].value
    after.button[0].click().run()
    stressed = loaded.data.dates[22 + int(loaded.data.atm()[22:-1].argmax())]
    assert not after.exception and after.header[0].value == f"The day after {stressed}"


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ("2000-02-02", "2018-09-12", "19 years"),
        ("2020-01-01", "2021-02-01", "one year"),
        ("2020-01-01", "2020-04-01", "3 months"),
        ("2020-01-01", "2020-01-20", "a month"),
    ],
)
def test_how_much_of_a_market_was_read_is_said_in_its_unit(first: str, last: str, words: str) -> None:
    assert generators.years_words(first, last) == words
