"""One pass through the test days, counted again in plain loops."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pytest

from engine.errors import SettingsError
from engine.evaluation.calibration import LEVELS
from engine.market.grid import Grid
from engine.market.surface_history import SurfaceHistory
from engine.models.surface_model import FitReport, SurfaceModel, Tensors
from engine.scenarios.scenario_set import ScenarioSet
from engine.studies.volgan.forecasts import Law, followed, forecast
from engine.surfaces import arbitrage, vix
from tests.models.small_market import small_history

HISTORY = small_history(80, seed=4)
ROWS = np.arange(40, 52)
N, MEMBERS = 60, 2


class Wobble(SurfaceModel):
    """Draws around today: network k of the stack k+1 times as far; keeps what it drew."""

    name: ClassVar[str] = "wobble"
    label: ClassVar[str] = "Wobble"
    Config: ClassVar[type] = object

    def __init__(self) -> None:
        super().__init__()
        self.drawn: dict[int, ScenarioSet] = {}
        self.longest = 0

    def fit(self, history: SurfaceHistory, **_: object) -> FitReport:  # type: ignore[override]
        raise NotImplementedError

    def sample(self, condition: SurfaceHistory, n: int, *, rng: np.random.Generator) -> ScenarioSet:
        self.longest = max(self.longest, len(condition))
        scale = 1.0 + np.arange(n) % MEMBERS
        shocks = rng.standard_normal((n, 1 + condition.grid.size)) * scale[:, None]
        log_iv = condition.log_iv[-1] + 0.1 * condition.grid.unflatten(shocks[:, 1:])
        drawn = ScenarioSet(0.01 * shocks[:, 0], log_iv, condition.grid)
        self.drawn[len(condition) - 1] = drawn
        return drawn

    def state(self) -> Tensors:
        return {}

    def restore(self, state: Tensors, grid: Grid) -> None:
        raise NotImplementedError


def passed(history: SurfaceHistory = HISTORY, rows: Sequence[int] = ROWS, **changes: object) -> tuple:
    model = Wobble()
    series = followed(history.grid)
    settings = {"scenarios": N, "paths": 20, "seed": 3} | changes
    law = Law("wobble", model, members=MEMBERS, reweighted=True)
    found, paths = forecast(law, history, np.asarray(rows), series, **settings)  # type: ignore[arg-type]
    return found, paths, model, series


def test_everything_counted_is_what_loops_count() -> None:
    found, paths, model, series = passed()
    assert found.penalty.min() > 0 and 2 < found.effective[1].mean() < N  # the weights are put to the test
    for at, row in enumerate(ROWS):
        drawn, today = model.drawn[row], HISTORY.iv[row]
        rate = float(HISTORY.rate[row])
        came = [HISTORY.log_return[row], vix.from_surface(HISTORY.iv[row + 1], HISTORY.grid, rate)]
        came += list(series.vols(HISTORY.iv[row + 1]))
        bands = np.zeros((2, 3, len(came)))
        for k in range(MEMBERS):
            mine = range(k, N * MEMBERS, MEMBERS)
            surfaces = np.exp(drawn.log_iv[list(mine)])
            phi = np.array([float(arbitrage.total_penalty(one, HISTORY.grid, rate)) for one in surfaces])
            beta = 500 / phi.max() if phi.max() > 0 else 0.0
            raw = np.exp(-beta * (phi - phi.min()))
            for variant, w in enumerate((np.full(N, 1 / N), raw / raw.sum())):
                assert found.penalty[variant, k, at] == pytest.approx(float(w @ phi), rel=1e-9)
                assert found.effective[variant, k, at] == pytest.approx(1 / float(w @ w), rel=1e-9)
                for s in range(len(came)):
                    x = [drawn.log_return[i] for i in mine] if s == 0 else _values(surfaces, s, series, rate)
                    order = np.argsort(x, kind="stable")
                    reached = np.cumsum(w[order])
                    ends = [np.array(x)[order][int((reached < q - 1e-12).sum())] for q in LEVELS]
                    assert found.below[variant, k, at, s].tolist() == [bool(came[s] < end) for end in ends]
                    bands[variant, :, s] += np.array([w @ x, ends[1], ends[2]]) / MEMBERS
                    if at == 0 and found.effective[variant, :, at].min() >= 2:
                        pair = sum(w[i] * w[j] * abs(x[i] - x[j]) for i in range(N) for j in range(N))
                        score = sum(w[i] * abs(x[i] - came[s]) for i in range(N)) - pair / (2 * (1 - w @ w))
                        assert found.crps[variant, k, at, s] == pytest.approx(score, rel=1e-4, abs=1e-7)
            rho = np.corrcoef(drawn.log_return[list(mine)], np.log(_values(surfaces, 2 + series.atm, series, rate)))[
                0, 1
            ]
            assert found.correlation[k, at] == pytest.approx(rho, rel=1e-9)
            move = drawn.log_iv[k] - np.log(today)
            np.testing.assert_allclose(paths.moves[k, 0, at, 1:], move.ravel(), rtol=1e-3, atol=1e-6)
            assert paths.moves[k, 0, at, 0] == pytest.approx(drawn.log_return[k], rel=1e-6)
        np.testing.assert_allclose(found.bands[:, :, at], bands, rtol=2e-5)


def test_networks_are_kept_apart() -> None:
    found, paths, *_ = passed(scenarios=400)
    narrow, wide = (paths.moves[k].std() for k in range(MEMBERS))
    assert wide / narrow == pytest.approx(2, rel=0.1)
    share = found.below[0, :, :, 1:].mean(axis=(1, 2))  # the wide network's bands let less through
    assert share[0, 0] >= share[1, 0] and share[0, -1] <= share[1, -1]


def test_nothing_depends_on_days_to_come() -> None:
    found, paths, model, _ = passed()
    order = np.concatenate([np.arange(53), 53 + np.random.default_rng(0).permutation(len(HISTORY) - 53)])
    shuffled = SurfaceHistory(HISTORY.dates, HISTORY.spot[order], HISTORY.iv[order], HISTORY.grid, rate=HISTORY.rate)
    again, paths_again, *_ = passed(shuffled)
    for name, array in vars(found).items():
        np.testing.assert_array_equal(array, getattr(again, name), err_msg=name)
    np.testing.assert_array_equal(paths.moves, paths_again.moves)
    assert model.longest == ROWS[-1] + 1


def test_without_arbitrage_reweighting_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arbitrage, "total_penalty", lambda iv, *_: np.zeros(len(iv)))
    found, *_ = passed()
    np.testing.assert_array_equal(found.below[0], found.below[1])
    np.testing.assert_allclose(found.bands[0], found.bands[1], rtol=1e-6)
    assert (found.effective == N).all()


def test_more_histories_than_scenarios_are_refused() -> None:
    with pytest.raises(SettingsError, match="at least as many scenarios"):
        passed(paths=2 * N * MEMBERS)


def _values(surfaces: np.ndarray, s: int, series: object, rate: float) -> list[float]:
    if s == 1:
        return [float(vix.from_surface(one, HISTORY.grid, rate)) for one in surfaces]
    return [float(series.vols(one)[s - 2]) for one in surfaces]  # type: ignore[attr-defined]
