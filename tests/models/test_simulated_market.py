"""The simulated market: its history, what that reveals of its state, and the true conditional law it samples from."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import kstest, t

from engine.errors import CheckpointError, MarketDataError, SettingsError
from engine.market.grid import CH2_GRID, DT, VOLGAN_GRID, Grid
from engine.market.surface_history import SurfaceHistory
from engine.models.registry import surface_model
from engine.models.simulated import law
from engine.models.simulated.law import surface_shapes
from engine.models.simulated.market import BUILT_IN, SimulatedMarket, built_in, simulate
from engine.settings import describe
from engine.surfaces import arbitrage, vix

SMALL = Grid([0.8, 0.9, 1.0, 1.1, 1.2], [1 / 12, 1 / 4, 1 / 2])
BOTH = pytest.mark.parametrize("name", list(BUILT_IN))
UNIT = t(law.TAIL, scale=math.sqrt((law.TAIL - 2) / law.TAIL))


def mixture_cdf(x, stress):
    """CDF of one shock given the probability of stress."""
    return (1 - stress) * UNIT.cdf(x / law.SCALE[0]) + stress * UNIT.cdf(x / law.SCALE[1])


def altered(history, row):
    """The same history with everything after ``row`` replaced by that row's values."""
    later = np.minimum(np.arange(len(history)), row)
    return SurfaceHistory(history.dates, history.spot[later], history.iv[later], history.grid, history.rate[later])


@pytest.fixture(scope="module")
def market():
    return simulate(SMALL, 1500, 7)


class TestHistory:
    @BOTH
    def test_it_covers_twenty_two_years_of_weekdays(self, name):
        history = built_in(name).history
        assert history.grid == BUILT_IN[name]
        assert history.period == ("2000-01-03", "2021-12-31")
        assert len(history) == 5740
        assert np.is_busday(history.dates).all()
        assert history.name == name

    @BOTH
    def test_it_holds_index_rate_and_half_spreads(self, name):
        history = built_in(name).history
        some = slice(None, None, 500)
        index = vix.from_surface(history.iv[some], history.grid, history.rate[some])
        np.testing.assert_allclose(history.vix[some], index, rtol=0, atol=0.51e-6)
        assert np.array_equal(history.vix, np.round(history.vix, 6))  # no bits that depend on how the sum was compiled
        assert 0 < history.rate.min() < 0.01
        assert 0.04 < history.rate.max() < 0.05
        assert np.abs(np.diff(history.rate)).max() < 5e-4  # smooth: 5 basis points a day
        assert history.half_spread.shape == (5740, 2, *history.grid.shape)
        assert history.half_spread.min() > 0

    @BOTH
    def test_it_looks_like_an_index_and_its_options(self, name):
        built = built_in(name)
        history, calm = built.history, built.regime == 0
        atm, grid = history.atm(), history.grid
        skew = grid.interpolate(history.iv, 0.9, 1 / 12) - grid.interpolate(history.iv, 1.1, 1 / 12)
        slope = grid.interpolate(history.iv, 1.0, 1.0) - atm
        returns = history.log_return
        kurtosis = np.mean((returns - returns.mean()) ** 4) / returns.var() ** 2
        ratio = history.realised_vol[21:] / atm[21:]
        assert 7 < history.vix.min() < 12
        assert 40 < history.vix.max() < 90
        assert 14 < np.median(history.vix) < 20
        assert 1.0 < (history.vix / atm).mean() / 100 < 1.15
        assert 0.4 < ratio.mean() < 0.65
        assert 10 < kurtosis < 30
        assert np.corrcoef(returns, np.diff(np.log(history.vix)))[0, 1] < -0.3
        assert (skew > 0).mean() > 0.99
        assert slope[calm].mean() > slope[~calm].mean()
        assert (slope[calm] > 0).mean() > 0.8
        assert (slope < 0)[history.vix > np.quantile(history.vix, 0.95)].mean() > 0.4
        assert history.vix[~calm].mean() > 1.25 * history.vix[calm].mean()

    @pytest.mark.parametrize(("name", "low", "high"), [("simulated-10x8", 0.9, 0.97), ("simulated-11x9", 0.95, 0.995)])
    def test_most_of_its_surfaces_are_free_of_arbitrage(self, name, low, high):
        history = built_in(name).history
        total = arbitrage.total_penalty(history.iv, history.grid, history.rate)
        assert low < (total == 0).mean() < high
        assert total.mean() < 0.001

    @BOTH
    def test_principal_components_of_log_increments_are_the_true_shapes(self, name):
        history = built_in(name).history
        moves = np.diff(history.grid.flatten(history.log_iv), axis=0)
        vectors = np.linalg.eigh(np.cov(moves.T))[1][:, ::-1]
        shapes = surface_shapes(history.grid).shapes.reshape(4, -1)
        cosines = np.abs((shapes @ vectors[:, :4]).diagonal())
        assert (cosines > 0.99).all()

    def test_autoregressions_recover_table_2_6(self):
        """λ and α by least squares on 22 years, White standard errors."""
        factors = built_in("simulated-10x8").factors
        for x, (speed, mean, _) in zip(factors.T, law.OU, strict=True):
            design = np.column_stack([np.ones(len(x) - 1), x[:-1]])
            (constant, decay), *_ = np.linalg.lstsq(design, x[1:], rcond=None)
            errors = x[1:] - design @ [constant, decay]
            inverse = np.linalg.inv(design.T @ design)
            covariance = inverse @ (design.T * errors**2) @ design @ inverse
            gradient = np.array([1 / (1 - decay), constant / (1 - decay) ** 2])
            assert abs(-math.log(decay) / DT - speed) < 3 * math.sqrt(covariance[1, 1]) / (decay * DT)
            assert abs(constant / (1 - decay) - mean) < 3 * math.sqrt(gradient @ covariance @ gradient)

    def test_a_seed_fixes_it_and_another_changes_it(self, market):
        assert simulate(SMALL, 1500, 7).history.digest == market.history.digest
        assert simulate(SMALL, 1500, 8).history.digest != market.history.digest

    def test_one_seed_is_one_state_on_every_grid(self, market):
        other = simulate(CH2_GRID, 1500, 7)
        assert np.array_equal(other.factors, market.factors)
        assert np.array_equal(other.regime, market.regime)

    def test_built_in_histories_are_kept(self):
        assert built_in("simulated-10x8") is built_in("simulated-10x8")

    def test_unknown_names_and_no_days_are_refused(self):
        with pytest.raises(MarketDataError, match="simulated-10x8"):
            built_in("simulated-9x9")
        with pytest.raises(SettingsError, match="at least one day"):
            simulate(SMALL, 0, 1)

    def test_each_is_there_within_two_seconds_and_without_heavy_imports(self):
        """Processor time of a fresh process, imports included."""
        code = (
            "import json, sys, time; from engine.models.simulated.market import built_in;"
            "started = time.process_time(); built_in('simulated-10x8'); first = time.process_time();"
            "built_in('simulated-11x9');"
            "heavy = [m for m in ('torch', 'sklearn', 'statsmodels', 'arch', 'scipy.signal') if m in sys.modules];"
            "print(json.dumps([first, started + time.process_time() - first, heavy]))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        first, second, heavy = json.loads(done.stdout)
        assert max(first, second) < 2
        assert heavy == []


class TestFilter:
    @BOTH
    def test_it_recovers_the_state(self, name):
        built = built_in(name)
        known = SimulatedMarket().filter(built.history)
        assert np.abs(known.factors - built.factors).max() < 1e-12
        assert ((known.stress_probability > 0.5) == (built.regime == 1)).mean() > 0.92

    def test_its_probabilities_mean_what_they_say(self):
        built = built_in("simulated-10x8")
        p = SimulatedMarket().filter(built.history).stress_probability
        for low, high in [(0, 0.02), (0.02, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 1)]:
            rows = (p >= low) & (p < high)
            error = math.sqrt((p[rows] * (1 - p[rows])).sum()) / rows.sum()
            assert abs((built.regime[rows] - p[rows]).mean()) < 4 * error

    def test_a_history_cut_at_its_start_forgets_that_within_the_first_condition_rows(self, market):
        whole = SimulatedMarket().filter(market.history).stress_probability
        for start in (100, 400, 900):
            part = SimulatedMarket().filter(market.history[start:]).stress_probability
            assert np.abs(part[22:] - whole[start + 22 :]).max() < 1e-2

    def test_likelihood_is_that_of_what_is_seen(self, market):
        """The density of (R, X) is that of the shocks over √Δ v Π STEP."""
        known = SimulatedMarket().filter(market.history)
        mixed = np.exp(law.log_density(known.shocks))
        p = known.stress_probability[:-1]
        scale = math.sqrt(DT) * law.SPOT_VOL_SHARE * market.history.atm()[:-1] * law.STEP.prod()
        expected = np.log((1 - p) * mixed[:, 0] + p * mixed[:, 1]) - np.log(scale)
        assert known.log_likelihood == pytest.approx(expected, abs=1e-9)

    def test_another_market_is_refused(self, market_data):
        from engine.market.intake import read_surfaces

        history = read_surfaces(market_data / "spx_surfaces_2006_2009.csv").data
        with pytest.raises(MarketDataError, match="surfaces of the simulated market"):
            SimulatedMarket().fit(history, seed=0)


class TestTrueLaw:
    @pytest.mark.parametrize("i", range(5), ids=["level", "skew", "term", "curvature", "return"])
    def test_what_happened_is_uniform_under_it(self, i):
        """Probability integral transform of 22 years of shocks, and no memory left in it or in its size."""
        known = SimulatedMarket().filter(built_in("simulated-10x8").history)
        u = mixture_cdf(known.shocks[:, i], known.stress_probability[:-1])
        assert kstest(u, "uniform").pvalue > 1e-3
        for series in (u - 0.5, np.abs(u - 0.5) - 0.25):
            series = series - series.mean()
            assert abs((series[1:] * series[:-1]).mean()) < 4 * series.var() / math.sqrt(len(u))

    @pytest.mark.parametrize("regime", [0, 1])
    def test_samples_given_the_state_have_its_mean_and_covariance(self, regime):
        n, x = 100_000, np.array([1.5, -1.0, 0.4, 0.2])
        drawn = SimulatedMarket.on(CH2_GRID).sample_from_state(x, regime, n, rng=np.random.default_rng(regime))
        shapes = surface_shapes(CH2_GRID)
        vol = 0.5 * CH2_GRID.interpolate(shapes.average * np.exp(np.tensordot(x, shapes.shapes, 1)), 1.0, 1 / 12)
        decay = np.exp(-law.OU[:, 0] / 252)
        mean = [*(law.OU[:, 1] + (x - law.OU[:, 1]) * decay), (0.06 - vol**2 / 2) / 252]
        sd = [*(law.OU[:, 2] * np.sqrt((1 - decay**2) / (2 * law.OU[:, 0]))), vol / math.sqrt(252)]
        sigma = np.eye(5)
        sigma[4, :4] = sigma[:4, 4] = law.REGIME_CORRELATION[regime]
        covariance = law.SCALE[regime] ** 2 * np.outer(sd, sd) * sigma
        seen = np.column_stack([shapes.factors(drawn.log_iv), drawn.log_return]) - mean
        products = seen[:, :, None] * seen[:, None, :]
        assert (np.abs(seen.mean(axis=0)) < 4.5 * seen.std(axis=0) / math.sqrt(n)).all()
        assert (np.abs(products.mean(axis=0) - covariance) < 4.5 * products.std(axis=0) / math.sqrt(n)).all()

    def test_samples_given_the_history_are_the_mixture_of_the_filtered_regimes(self, market):
        known = SimulatedMarket().filter(market.history)
        row = int(np.abs(known.stress_probability - 0.5).argmin())  # where mixing matters most
        drawn = SimulatedMarket().sample(market.history.until(row), 50_000, rng=np.random.default_rng(0))
        factors = surface_shapes(SMALL).factors(drawn.log_iv)
        level = (factors[:, 0] - law.MEAN[0] - law.DECAY[0] * (known.factors[row, 0] - law.MEAN[0])) / law.STEP[0]
        vol = 0.5 * market.history.atm()[row]
        shock = (drawn.log_return - (0.06 - vol**2 / 2) / 252) / (vol / math.sqrt(252))
        for sample in (level, shock):
            assert kstest(sample, mixture_cdf, args=(known.stress_probability[row],)).pvalue > 1e-3

    def test_sampling_many_days_is_sampling_each(self, market):
        model, rows = SimulatedMarket(), [25, 700, -1]
        together = model.sample_days(market.history, rows, 40, rng=np.random.default_rng(1))
        rng = np.random.default_rng(1)
        for day, row in enumerate(rows):
            one = model.sample(market.history.until(row), 40, rng=rng)
            assert np.array_equal(one.log_return, together.log_return[day])
            assert np.abs(one.log_iv - together.log_iv[day]).max() < 1e-13

    def test_the_future_does_not_matter(self, market):
        rows = [30, 200, 800]
        seen = SimulatedMarket().sample_days(market.history, rows, 20, rng=np.random.default_rng(2))
        changed = SimulatedMarket().sample_days(altered(market.history, 800), rows, 20, rng=np.random.default_rng(2))
        assert np.array_equal(seen.log_return, changed.log_return)
        assert np.array_equal(seen.log_iv, changed.log_iv)

    def test_scenarios_say_where_they_come_from(self, market):
        drawn = SimulatedMarket().sample(market.history.until(99), 3, rng=np.random.default_rng(3))
        assert drawn.provenance["model"] == "simulated_market"
        assert drawn.provenance["condition_date"] == str(market.history.dates[99])
        assert drawn.provenance["spot"] == market.history.spot[99]


class TestModel:
    def test_it_is_in_the_registry_and_has_nothing_to_set(self):
        assert surface_model("simulated_market") is SimulatedMarket
        assert describe(SimulatedMarket.Config) == ()

    def test_fitting_checks_the_data_and_learns_nothing(self, market):
        model, heard = SimulatedMarket(), []
        report = model.fit(market.history, seed=0, on_step=heard.append)
        assert report.steps == 0
        assert report.trained_on == (str(market.history.dates[0]), str(market.history.dates[-2]))
        assert report.metrics["log_likelihood"] == SimulatedMarket().filter(market.history).log_likelihood.mean()
        assert [step.done for step in heard] == [1]

    def test_state_round_trip(self, market):
        model = SimulatedMarket.on(SMALL)
        again = SimulatedMarket()
        again.restore(model.state(), SMALL)
        first, second = (m.sample(market.history, 5, rng=np.random.default_rng(4)) for m in (model, again))
        assert np.array_equal(first.log_iv, second.log_iv)

    @pytest.mark.parametrize("name", ["ou", "average", "shapes", "regime_scale", "spot"])
    def test_another_laws_state_is_refused(self, name):
        state = SimulatedMarket.on(SMALL).state()
        with pytest.raises(CheckpointError, match=name):
            SimulatedMarket().restore({**state, name: state[name] * 1.01}, SMALL)
        with pytest.raises(CheckpointError, match=name):
            SimulatedMarket().restore({k: v for k, v in state.items() if k != name}, SMALL)

    def test_a_state_of_another_grid_is_refused(self):
        with pytest.raises(CheckpointError, match="average"):
            SimulatedMarket().restore(SimulatedMarket.on(SMALL).state(), CH2_GRID)

    def test_bad_requests_are_one_sentence(self, market):
        rng, model = np.random.default_rng(0), SimulatedMarket.on(SMALL)
        with pytest.raises(SettingsError, match="at least one scenario"):
            model.sample(market.history, 0, rng=rng)
        with pytest.raises(SettingsError, match="at least one scenario"):
            model.sample_from_state(law.MEAN, 0, 0, rng=rng)
        with pytest.raises(SettingsError, match="regime"):
            model.sample_from_state(law.MEAN, 2, 5, rng=rng)
        with pytest.raises(MarketDataError, match="four factors"):
            model.sample_from_state([0.0, 1.0], 0, 5, rng=rng)
        with pytest.raises(MarketDataError, match="condition rows"):
            model.sample_days(market.history, [1500], 5, rng=rng)
        with pytest.raises(MarketDataError, match="condition rows"):
            model.sample_days(market.history, [], 5, rng=rng)
        with pytest.raises(MarketDataError, match="model's grid"):
            SimulatedMarket.on(VOLGAN_GRID).sample(market.history, 5, rng=rng)
        with pytest.raises(MarketDataError, match="at least 2 days"):
            SimulatedMarket().fit(market.history[:1], seed=0)
        with pytest.raises(CheckpointError, match="neither fitted"):
            SimulatedMarket().state()
        with pytest.raises(CheckpointError, match="neither fitted"):
            SimulatedMarket().sample_from_state(law.MEAN, 0, 5, rng=rng)
