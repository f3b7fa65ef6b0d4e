"""Tasks: examples without look-ahead, draws back into market objects, states that come back; families put to them."""

import dataclasses

import numpy as np
import pytest
from small_market import small_history
from toy_family import Toy, ToyConfig

from engine.errors import CheckpointError, MarketDataError, SettingsError
from engine.market import domain as domains
from engine.market.domain import Plane, Tickers
from engine.market.grid import Grid
from engine.market.price_history import PriceHistory
from engine.market.surface_history import SurfaceHistory
from engine.models import registry, tasks
from engine.models.conditional_fhs.filter import HistoryFilter
from engine.models.family_model import family_model
from engine.models.registry import Spec
from engine.models.rollout import HistoryChain
from engine.models.tasks import plane
from engine.models.tasks.next_day import NextDay, NextDayConfig
from engine.models.tasks.returns import DailyReturns, ReturnPaths, ReturnsConfig
from engine.models.tasks.task import Returns, Surfaces

DAYS = 200


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = Spec("toy", "Toy Gaussian", "toy_family:Toy", tasks=tuple(tasks.TASKS), family=True, seconds_to_fit=1)
    monkeypatch.setitem(registry.SPECS, "toy", spec)
    family_model.cache_clear()


def moving_history(days: int = DAYS, seed: int = 0) -> SurfaceHistory:
    """Surfaces whose every point moves on its own."""
    base, rng = small_history(days, seed), np.random.default_rng(seed + 1)
    noise = 0.01 * rng.standard_normal(base.iv.shape).cumsum(axis=0)
    return dataclasses.replace(base, iv=base.iv * np.exp(noise - noise.mean(axis=0)))


def prices(days: int = DAYS, tickers: tuple[str, ...] = ("AA", "BB", "CC"), seed: int = 0) -> PriceHistory:
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(0.01 * rng.standard_normal((days, len(tickers))), axis=0))
    return PriceHistory(np.datetime64("2020-01-01") + np.arange(days), close, tickers)


SPACES = [NextDayConfig(), NextDayConfig(given="state", components=3), NextDayConfig(space="raw")]


@pytest.mark.parametrize("config", SPACES, ids=["innovations", "given the state", "raw"])
def test_next_day_examples_know_nothing_later(config: NextDayConfig) -> None:
    history = moving_history()
    task = NextDay(config)
    task.prepare(history[:150])
    whole, part = task.examples(history), task.examples(history[:170])
    n = len(part.x)
    np.testing.assert_allclose(whole.x[:n], part.x, rtol=0, atol=1e-12)
    if part.condition is not None:
        np.testing.assert_allclose(whole.condition[:n], part.condition, rtol=0, atol=1e-12)
        assert part.condition.shape[1:] == task.shapes()[1]
    assert part.x.shape[1:] == task.shapes()[0] and np.isfinite(whole.x).all()
    assert part.dates == (str(history.dates[22]), str(history.dates[168]))


@pytest.mark.parametrize("config", SPACES, ids=["innovations", "given the state", "raw"])
def test_moves_come_back_from_their_examples(config: NextDayConfig) -> None:
    """The factors of a day and its own remainder are that day's move again."""
    history = moving_history()
    task = NextDay(config)
    task.prepare(history)
    examples, days = task.examples(history), HistoryFilter(history)
    known = task.space.known(days)
    past = task.space.past(days, known)
    for k in (22, 70, 140):
        today = {name: values[k : k + 1] for name, values in known.items()}
        found = task.space.moves(today, past, examples.x[k - 22 : k - 21], np.array([k]))
        np.testing.assert_allclose(found[0], days.moves[k], atol=1e-12)


@pytest.mark.parametrize("config", SPACES, ids=["innovations", "given the state", "raw"])
def test_paths_know_what_a_longer_history_knows(config: NextDayConfig) -> None:
    weekdays = np.busday_offset("2020-01-01", np.arange(DAYS), roll="forward")
    history = dataclasses.replace(moving_history(), dates=weekdays)
    task = NextDay(config)
    task.prepare(history[:150])
    whole = HistoryFilter(history)
    wanted = task.space.known(whole)
    start = HistoryFilter(history[:180])
    task.space.known(start)
    paths = start.paths(2)
    for row in range(180, 190):
        paths.advance(np.repeat(whole.moves[row - 1 : row], 2, axis=0))
        today = task.space.known(paths)
        for name in wanted.keys() - {"innovations"}:
            np.testing.assert_allclose(today[name][1], wanted[name][row], atol=1e-9, err_msg=name)


def test_the_raw_condition_is_volgans() -> None:
    history = moving_history()
    task = NextDay(NextDayConfig(space="raw"))
    task.prepare(history)
    condition = task.examples(history).condition
    for k in (0, 90):
        row = 22 + k
        r = np.sqrt(252) * history.log_return[[row - 1, row - 2]]
        expected = [*r, history.realised_vol[row], *np.log(history.iv[row]).ravel()]
        np.testing.assert_allclose(condition[k], expected, atol=1e-12)


@pytest.mark.parametrize("space", ["innovations", "raw"])
@pytest.mark.parametrize("given", ["nothing", "state"])
def test_returns_know_nothing_later_and_come_back(space: str, given: str) -> None:
    data = prices()
    for kind in (DailyReturns, ReturnPaths):
        task = kind(ReturnsConfig(space=space, given=given))
        assert task.prepare(data[:150]) == Tickers(("AA", "BB", "CC"))
        whole, part = task.examples(data), task.examples(data[:160])
        n = len(part.x)
        np.testing.assert_array_equal(whole.x[:n], part.x)
        observed = np.diff(np.log(data.close), axis=0)
        known = data[: 6 + 30]  # the first window begins after the sixth day
        again = task.result(whole.x[30:31], known).log_return
        np.testing.assert_allclose(again[0], observed[35 : 35 + kind.days], atol=1e-12)
        if given == "state":
            np.testing.assert_allclose(task.condition(known), whole.condition[30], atol=1e-12)
        assert whole.x.shape[1:] == task.shapes()[0]


def test_days_without_all_prices_are_left_out_of_returns() -> None:
    data = prices()
    close = data.close.copy()
    close[40, 1] = np.nan
    gap = PriceHistory(data.dates, close, data.tickers)
    task = DailyReturns(ReturnsConfig(tickers="BB, AA", space="raw"))
    assert task.prepare(gap) == Tickers(("BB", "AA"))
    observed = np.diff(np.log(np.delete(close, 40, axis=0)[:, [1, 0]]), axis=0)
    np.testing.assert_allclose(task.examples(gap).x, observed[5:], atol=1e-15)


def test_the_planes_mixture_has_the_density_and_score_that_it_says() -> None:
    rng = np.random.default_rng(0)
    xy = plane.points("mixture", 200_000, rng)
    edges = np.linspace(-4, 4, 33)
    counted, *_ = np.histogram2d(*xy.T, bins=(edges, edges))
    centre = (edges[1:] + edges[:-1]) / 2
    grid = np.stack(np.meshgrid(centre, centre, indexing="ij"), axis=-1).reshape(-1, 2)
    fine = grid[:, None] + (np.stack(np.meshgrid(*[np.arange(-2, 3) / 20] * 2), axis=-1).reshape(-1, 2))
    expected = np.exp(plane.mixture_log_density(fine.reshape(-1, 2))).reshape(len(grid), -1).mean(axis=1) / 16
    assert np.abs(counted.ravel() / len(xy) - expected).max() < 5 * np.sqrt(expected.max() / len(xy))
    point, h = np.array([1.3, 0.4]), 1e-5
    steps = point + h * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
    up_x, down_x, up_y, down_y = plane.mixture_log_density(steps)
    differences = [(up_x - down_x) / (2 * h), (up_y - down_y) / (2 * h)]
    np.testing.assert_allclose(plane.mixture_score(point[None])[0], differences, rtol=1e-6)


def test_domains_come_back_from_their_cards() -> None:
    for domain in (Grid([0.9, 1.0, 1.1], [0.1, 1.0]), Tickers(("SPY", "QQQ")), Plane()):
        assert domains.from_dict(domains.to_dict(domain)) == domain
    with pytest.raises(MarketDataError, match="expected a grid, tickers or the plane"):
        domains.from_dict({"kind": "cube"})
    with pytest.raises(MarketDataError, match="expected distinct tickers"):
        Tickers(("A", "A"))


DATA = {"surfaces": moving_history, "prices": prices, "nothing": lambda: None}


@pytest.mark.parametrize("task", list(tasks.TASKS))
def test_a_family_is_fitted_drawn_from_and_restored_on_every_task(task: str) -> None:
    kind = registry.model("toy", task)
    data = DATA[tasks.task_class(task).reads]()
    one, same = kind(kind.Config(epochs=1)), kind(kind.Config(epochs=1))
    one.fit(data, seed=3)
    same.fit(data, seed=3)
    for name, array in one.state().items():
        np.testing.assert_array_equal(array, same.state()[name])
    again = kind(kind.Config(epochs=1))
    again.restore(one.state(), one.domain)
    first, second, third = (
        model.sample(data, 50, rng=np.random.default_rng(k)).to_frame() for model, k in ((one, 1), (again, 1), (one, 2))
    )
    assert first.equals(second) and not first.equals(third)
    assert np.isfinite(first.to_numpy()).all()
    with pytest.raises(CheckpointError):
        again.restore({**one.state(), "other": np.zeros(1)}, one.domain)
    other = Plane() if task != "plane" else Tickers(("A",))
    if task != "plane":
        with pytest.raises(CheckpointError, match="expected a model of"):
            again.restore(one.state(), other)


@pytest.mark.parametrize("settings", [{}, {"given": "state"}, {"space": "raw"}], ids=str)
def test_a_family_on_the_next_day_is_a_surface_model(settings: dict[str, str]) -> None:
    history = moving_history(240)
    kind = registry.surface_model("toy")
    model = kind(kind.Config(**settings))
    model.fit(history[:180], seed=0)
    many = model.sample_days(history, [60, 200], 40, rng=np.random.default_rng(5))
    rng = np.random.default_rng(5)
    for k, row in enumerate((60, 200)):
        alone = model.sample(history.until(row), 40, rng=rng)
        np.testing.assert_allclose(many.log_iv[k], alone.log_iv, atol=1e-10)
        np.testing.assert_allclose(many.log_return[k], alone.log_return, atol=1e-12)
    with pytest.raises(MarketDataError, match="expected condition rows between 51"):
        model.sample(history[:40], 5, rng=rng)
    with pytest.raises(SettingsError, match="expected at least one scenario"):
        model.sample(history, 0, rng=rng)
    with pytest.raises(CheckpointError, match="without a fit"):
        kind().sample(history, 5, rng=rng)


@pytest.mark.parametrize("settings", [{}, {"space": "raw"}], ids=str)
def test_paths_follow_the_law_of_a_history_per_path(settings: dict[str, str]) -> None:
    """The chain that carries a state draws what the one-step model draws from each path's own history."""
    history = dataclasses.replace(
        moving_history(240), dates=np.busday_offset("2020-01-01", np.arange(240), roll="forward")
    )
    kind = registry.surface_model("toy")
    model = kind(kind.Config(**settings))
    model.fit(history, seed=0)
    fast, slow = model.chain(history, 1), HistoryChain(model, history, 1)
    one, other = np.random.default_rng(3), np.random.default_rng(3)
    for _ in range(4):
        ours, general = fast.step(one), slow.step(other)
        np.testing.assert_allclose(ours.log_return, general.log_return, atol=1e-9)
        np.testing.assert_allclose(ours.log_iv, general.log_iv, atol=1e-8)


def test_draws_become_market_objects() -> None:
    level = registry.model("toy", "level_surface")()
    level.fit(moving_history(), seed=0)
    drawn = level.sample(moving_history(), 20, rng=np.random.default_rng(0))
    assert isinstance(drawn, Surfaces) and drawn.iv.shape == (20, 4, 3) and drawn.iv.min() > 0
    paths = registry.model("toy", "return_paths")()
    paths.fit(prices(), seed=0)
    walked = paths.sample(prices(), 20, rng=np.random.default_rng(0))
    assert isinstance(walked, Returns) and walked.log_return.shape == (20, 21, 3)
    assert list(walked.to_frame().columns) == ["draw", "day", "AA", "BB", "CC"] and len(walked.to_frame()) == 420


@pytest.mark.parametrize("space", ["innovations", "raw"])
def test_no_draw_goes_further_than_twice_the_farthest_training_day(space: str, monkeypatch: pytest.MonkeyPatch) -> None:
    history = moving_history()
    kind = registry.surface_model("toy")
    model = kind(kind.Config(space=space))
    model.fit(history, seed=0)
    farthest = np.abs(model.task.examples(history).x).max(axis=0)
    np.testing.assert_allclose(model.task.reach, 2 * farthest)
    seen: list[np.ndarray] = []
    moves = model.task.space.moves
    monkeypatch.setattr(model.task.space, "moves", lambda *given: seen.append(given[2]) or moves(*given))
    monkeypatch.setattr(model.estimator, "sample", lambda n, *given, **more: np.full((n, len(farthest)), -1e30))
    assert np.isfinite(model.sample(history, 5, rng=np.random.default_rng(0)).iv).all()
    np.testing.assert_allclose(seen[0], np.tile(-2 * farthest, (5, 1)))


def test_what_a_model_cannot_be_put_to_is_one_sentence() -> None:
    with pytest.raises(SettingsError, match="expected a task of VolGAN among next_day"):
        registry.model("volgan", "plane")
    with pytest.raises(SettingsError, match="expected a task among next_day"):
        tasks.task_class("juggling")
    with pytest.raises(MarketDataError, match="expected at least 120 days"):
        registry.surface_model("toy")().fit(moving_history(60), seed=0)
    still = dataclasses.replace(prices(), close=np.full((DAYS, 3), 100.0))
    with pytest.raises(MarketDataError, match="found AA unchanged"):
        registry.model("toy", "daily_returns")().fit(still, seed=0)


def test_settings_of_family_and_task_stand_in_one_form() -> None:
    config = registry.surface_model("toy").Config
    assert {"epochs", "space", "components", "learning_rate"} <= {f.name for f in dataclasses.fields(config)}
    assert ToyConfig().epochs == config().epochs and Toy.Config is ToyConfig
