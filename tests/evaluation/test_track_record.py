"""Was a generator right lately? Counted day by day by hand; nothing later is looked at; failures are said."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2

from engine.evaluation import scores, track_record
from engine.market.surface_history import SurfaceHistory
from engine.models.conditional_fhs.historical import FilteredHistoricalSimulation
from engine.models.simulated.market import simulate
from tests.models.small_market import SMALL_GRID

HISTORY = simulate(SMALL_GRID, 240, 3).history
ROW = 200


def fitted(rows) -> FilteredHistoricalSimulation:
    model = FilteredHistoricalSimulation()
    model.fit(HISTORY.until(int(rows[0])), seed=0)
    return model


class Biased(FilteredHistoricalSimulation):
    """Draws returns that are five standard deviations too low."""

    def sample_days(self, history, rows, n, *, rng):
        drawn = super().sample_days(history, rows, n, rng=rng)
        return replace(drawn, log_return=drawn.log_return - 0.05)


def test_the_share_of_bands_that_held_is_that_of_a_loop(monkeypatch):
    monkeypatch.setattr(track_record, "CHUNK", 1)  # one day at once, as the loop draws
    rows = track_record.window(ROW)
    assert len(rows) == 89 and rows[-1] == ROW - 1
    model = fitted(rows)
    found = track_record.of_model(model, HISTORY, rows, seed=4)
    below, above, energy = 0, 0, []
    targets = np.array([target(row) for row in range(22, rows[0])])
    scale = targets.std(axis=0)
    for row in rows:
        drawn = model.sample_days(HISTORY.until(row), [row], 500, rng=np.random.default_rng([4, row]))
        returns = np.sort(drawn.log_return[0])
        low, high = returns[12], returns[487]  # the 13th and the 488th smallest of 500
        below += HISTORY.log_return[row] < low
        above += HISTORY.log_return[row] > high
        change = SMALL_GRID.flatten(drawn.log_iv[0] - HISTORY.log_iv[row])
        x = np.column_stack([np.sqrt(252) * drawn.log_return[0], change])
        energy.append(scores.energy_score(x / scale, target(row) / scale))
    n = len(rows)
    assert found.return_share == pytest.approx(1 - (below + above) / n)
    assert found.energy == pytest.approx(np.mean(energy), rel=1e-5)
    logs = [k * np.log(k / (n * q)) for k, q in ((below, 0.025), (n - below - above, 0.95), (above, 0.025)) if k]
    assert found.return_p == pytest.approx(chi2.sf(2 * sum(logs), 2), rel=1e-6)


def test_misses_on_one_side_only_are_no_chance_though_their_number_is_right():
    assert track_record.chance(6, 7, 250) > 0.5
    assert track_record.chance(13, 0, 250) < track_record.REFUSED
    assert track_record.chance(0, 1, 250) < track_record.REFUSED  # too wide


def target(row: int) -> np.ndarray:
    move = SMALL_GRID.flatten(HISTORY.log_iv[row + 1] - HISTORY.log_iv[row])
    return np.concatenate([[np.sqrt(252) * HISTORY.log_return[row]], move])


def test_a_generator_whose_bands_fail_says_so():
    rows = track_record.window(ROW)
    good, model = track_record.of_model(fitted(rows), HISTORY, rows), Biased()
    model.fit(HISTORY.until(int(rows[0])), seed=0)
    bad = track_record.of_model(model, HISTORY, rows)
    assert not good.failed and good.warning == "" and "95 % bands held" in good.words
    assert bad.failed and bad.return_share < 0.2 and bad.energy > good.energy
    assert f"the return held on {100 * bad.return_share:.0f} %, where 95 % should" in bad.warning


def test_nothing_after_the_day_is_looked_at():
    rng = np.random.default_rng(1)
    later = np.r_[0 : ROW + 1, ROW + 1 + rng.permutation(len(HISTORY) - ROW - 1)]
    other = SurfaceHistory(HISTORY.dates, HISTORY.spot[later], HISTORY.iv[later], HISTORY.grid)
    same = SurfaceHistory(HISTORY.dates, HISTORY.spot, HISTORY.iv, HISTORY.grid)
    for name in ("fhs", "historical"):
        assert track_record.of_name(name, other, ROW) == track_record.of_name(name, same, ROW)


def test_the_most_credible_comes_first(monkeypatch):
    kinds = {"fhs": FilteredHistoricalSimulation, "biased": Biased}
    monkeypatch.setattr(track_record, "surface_model", kinds.__getitem__)
    found = track_record.compare(HISTORY, ROW, ("biased", "fhs"))
    assert list(found) == ["fhs", "biased"] and found["biased"].failed


def test_too_few_days_say_nothing():
    assert not len(track_record.window(90)) and track_record.of_name("fhs", HISTORY, 60) is None
    assert track_record.compare(HISTORY, 60) == {}
