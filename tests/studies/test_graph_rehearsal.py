"""A rehearsal is the Fin-GAN study and the graph study on data that end earlier, and never reads a later day."""

import numpy as np
import pandas as pd
import pytest
from graph_market import Finished, prices

from engine.errors import SettingsError
from engine.market.price_history import PriceHistory
from engine.models.fingan.sampling import GeneratorStack
from engine.studies import fingan, graph
from engine.studies.base import Tables, Work
from engine.studies.graph import rehearsal
from engine.training.progress import TrainingStopped

CONFIG = rehearsal.Config(
    ends="0.9, 0.8", seeds=2, epochs=2, matching_epochs=1, samples=30, cross_samples=20, first_seed=3
)


def carried_out(data: PriceHistory, work: Work) -> Tables:
    made: Tables = {}
    for step in rehearsal.steps(data, CONFIG, work):
        made |= step.make()
    return made


@pytest.fixture(scope="module")
def rehearsed() -> Tables:
    return carried_out(prices(), Work())


def test_a_rehearsal_is_both_studies_on_data_that_end_earlier(rehearsed: Tables) -> None:
    shorter, work = rehearsal.until(prices(), 0.8), Work()
    settings = fingan.Config(
        seeds=2, epochs=2, matching_epochs=1, samples=30, draws=100, first_seed=3, universality=False
    )
    for step in fingan.steps(shorter, settings, work):
        step.make()
    chosen = work.checkpointer("chosen_longer").load()
    assert chosen is not None
    source = Finished(GeneratorStack.restore(chosen))
    source.data["period"] = list(shorter.period)
    made: Tables = {}
    for step in graph.steps(shorter, graph.Config(samples=20, draws=100, seed=3), Work({"fingan": source}))[:5]:
        made |= step.make()
    mine = rehearsed["rehearsals"].query(f"until == '{shorter.period[1]}'")
    for (seed, method), theirs in made["by_seed"].set_index(["seed", "method"])["portfolio_sr"].items():
        share = {"identity": 1.0, "sharpe": 0.0, "pnl_based": 0.0, "correlation": 0.0, "pnl_max": 0.0}.get(method)
        if share is not None:
            rows = mine[(mine["seed"] == seed) & (mine["own_share"] == share)]
            found = rows.loc[rows["method"] == ("pnl_based" if method == "identity" else method), "portfolio_sr"]
            assert found.to_list() == pytest.approx([theirs], rel=1e-4)
    averaged = made["methods"].set_index("method")["portfolio_sr"]
    rows = mine[(mine["seed"] == rehearsal.AVERAGED) & (mine["own_share"] == 0)].set_index("method")
    for method in ("sharpe", "pnl_based", "pnl_max"):
        assert rows["portfolio_sr"][method] == pytest.approx(averaged[method], rel=1e-4)


def test_days_after_the_last_end_are_never_read(rehearsed: Tables) -> None:
    shaken = carried_out(prices(shaken_from=811), Work())  # 0.9 of 900 days end with day 809
    for name, table in rehearsed.items():
        pd.testing.assert_frame_equal(table, shaken[name])


def test_the_means_are_those_of_the_rehearsals(rehearsed: Tables) -> None:
    every, mean = rehearsed["rehearsals"], rehearsed["rehearsed_weightings"]
    assert len(every) == 2 * 3 * 7 * len(rehearsal.SHARES)
    row = mean[(mean["signs"] == "one seed") & (mean["method"] == "sharpe") & (mean["own_share"] == 0.5)].iloc[0]
    by_end, own = (
        every[(every["seed"] >= 0) & (every["method"] == "sharpe") & (every["own_share"] == share)]
        .groupby("until")["portfolio_sr"]
        .mean()
        for share in (0.5, 1.0)
    )
    assert row["portfolio_sr"] == pytest.approx(by_end.mean(), rel=1e-4)
    assert row["gain"] == pytest.approx((by_end - own).mean(), rel=1e-3, abs=1e-4)
    assert row["wins"] == float((by_end > own).sum()) and row["rehearsals"] == 2
    identity = mean[mean["own_share"] == 1.0].groupby("signs")["portfolio_sr"]
    assert (identity.nunique() == 1).all()  # whatever was learned, nothing of it is left
    said = rehearsal.summary(rehearsed)
    best = mean[mean["signs"] == "one seed"]["portfolio_sr"].max()
    assert said["best_portfolio_sharpe"] == best and said["rehearsals"] == 2


def test_a_stopped_rehearsal_goes_on_where_it_was(rehearsed: Tables) -> None:
    kept = Work()
    steps = rehearsal.steps(prices(), CONFIG, kept)
    for step in steps[:4]:
        step.make()

    def forbidden(progress: object) -> bool:
        raise AssertionError("trained again")

    again = Work(on_step=forbidden, _own=kept._own)
    made: Tables = {}
    for number, step in enumerate(rehearsal.steps(prices(), CONFIG, again)):
        if number in (0, 1, 2):
            made |= step.make()  # from what is kept
    for step in rehearsal.steps(prices(), CONFIG, Work(_own=kept._own)):
        made |= step.make()
    for name, table in rehearsed.items():
        pd.testing.assert_frame_equal(table, made[name])


@pytest.mark.parametrize("text", ["", "half", "0.95", "0.1", "0.8, 0.8"])
def test_ends_that_are_none_are_one_sentence(text: str) -> None:
    with pytest.raises(SettingsError, match=r"expected distinct shares of the days from 0\.2 to 0\.9"):
        rehearsal.ends(text)


def test_until_keeps_the_first_days() -> None:
    whole, part = prices(), rehearsal.until(prices(), 0.5)
    assert len(part) == len(whole) // 2 and part.sector_of == whole.sector_of
    assert part.open is not None and whole.open is not None
    np.testing.assert_array_equal(part.open, whole.open[: len(part)])


def test_a_stop_is_asked_for_within_a_seed() -> None:
    step = rehearsal.steps(prices(), CONFIG, Work(on_step=lambda progress: True))[0]
    with pytest.raises(TrainingStopped):
        step.make()
