"""The Paths tab, as a page of its own: what it shows at once, what it says when paths explode, what it asks again."""

import pytest
from streamlit.testing.v1 import AppTest

from pages.generators.next_day_page import paths


def page(data: str, run: str, slow: bool) -> None:
    from engine import datasets
    from engine.models.conditional_fhs.historical import FilteredHistoricalSimulation
    from engine.models.surface_model import SurfaceModel
    from engine.runs import checkpoints
    from pages.generators.next_day_page import paths
    from pages.ui import cache
    from pages.ui.generators import Ready

    class WithoutChain(FilteredHistoricalSimulation):
        chain = SurfaceModel.chain

    loaded = datasets.load(data)
    listed = next(one for one in checkpoints.catalogue() if one.name == run)
    model, card = cache.model(listed.directory)
    if slow:
        state, model = model.state(), WithoutChain()
        model.restore(state, card.grid)
    paths.draw(loaded, Ready(f"{run} {slow}", card.label, model, card, "", listed.name))


def opened(run: str = "fhs-simulated-10x8", *, slow: bool = False, **state: object) -> AppTest:
    app = AppTest.from_function(page, kwargs={"data": "simulated-10x8", "run": run, "slow": slow}, default_timeout=60)
    for key, value in {"paths_n": 40, **state}.items():
        app.session_state[key] = value
    app.run()
    assert not app.exception
    return app


def metric(app: AppTest, label: str) -> tuple[str, str]:
    found = next(one for one in app.metric if one.label == label)
    return found.value, found.delta


def text(app: AppTest) -> str:
    return " ".join(one.value for one in [*app.markdown, *app.caption, *app.error, *app.info]).replace("\\", "")


def test_three_months_of_paths_are_there_at_once():
    app = opened()
    assert metric(app, "Surfaces with arbitrage")[1].startswith("data ")
    assert "of 40" in metric(app, "Effective paths")[1]
    assert "40 paths of 63 days from 2021-12-31, seed 1" in text(app)
    assert "statistics lie where those of the data's windows do" in text(app)
    assert len(app.get("plotly_chart")) == 2 and len(app.dataframe) == 2
    assert "--days 63 --n 40 --seed 1" in app.code[0].value and "--run fhs-simulated-10x8" in app.code[0].value


def test_beta_zero_weighs_all_paths_alike():
    app = opened()
    app.select_slider[0].set_value(0.0).run()
    assert metric(app, "Effective paths") == ("40", "of 40 · KL 0 nats")
    value, raw = metric(app, "φ of a path, reweighted")
    assert raw == f"raw {value}"


def test_a_year_of_volgan_raises_the_alarm():
    app = opened("volgan-simulated-10x8", paths_length="1 year", paths_start="Most stressed day")
    assert len(app.error) == 1 and ("explode" in app.error[0].value or "wander off" in app.error[0].value)
    assert "--days 252" in app.code[0].value and "--date " in app.code[0].value


def test_a_month_is_not_held_against_the_data():
    app = opened(paths_length="1 month")
    assert "not held against the data: expected paths of at least 42 days" in text(app)
    assert len(app.dataframe) == 0 and len(app.get("plotly_chart")) == 1


@pytest.mark.parametrize("what", ["Spot", "VIX of the surfaces", "φ along the path"])
def test_every_quantity_can_be_drawn(what):
    app = opened(paths_what=what)
    assert len(app.get("plotly_chart")) == 2


def test_a_model_without_a_quick_chain_walks_a_little_and_says_so():
    app = opened(slow=True)
    assert f"{paths.SLOW_PATHS} paths of {paths.SLOW_DAYS} days" in text(app) and "whole history" in text(app)
