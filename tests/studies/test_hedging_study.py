"""The straddle study: its statistics by hand, its tables against the paths they come from, and what it refuses."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from engine.decisions import hedging
from engine.errors import MarketDataError, SettingsError
from engine.market.grid import Grid
from engine.models.conditional_fhs.historical import FilteredHistoricalSimulation, Persistence
from engine.models.simulated.market import SimulatedMarket, simulate
from engine.settings import from_dict, from_strings
from engine.studies import hedging as hedging_study
from engine.studies.base import Work
from engine.studies.hedging import months as hedging_months
from engine.studies.hedging import results, study
from engine.studies.hedging.months import month_starts
from engine.training.progress import TrainingStopped

GRID = Grid([0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.3], [1 / 52, 1 / 12, 1 / 6, 1 / 2])
QUICK = {"source": "true_law", "scenarios": 60, "fresh": 20, "draws": 100, "moneyness": "0.9 1.1"}


@pytest.fixture(scope="module")
def simulated():
    return simulate(GRID, 240, 7).history


def carried_out(history, work=None, **settings):
    config = from_dict(hedging_study.Config, {**QUICK, **settings})
    tables = {}
    for step in hedging_study.steps(history, config, work or Work()):
        tables |= step.make()
    return tables


@pytest.fixture(scope="module")
def hedged(simulated):
    return carried_out(simulated, test_from=str(simulated.dates[150]), past_months=5, compare="fhs")


# statistics


def test_statistics_of_a_resample_are_those_of_its_repeated_months():
    rng = np.random.default_rng(0)
    errors = rng.standard_t(3, (9, 2, 5)) + rng.standard_normal((9, 1, 1))
    counts = results.month_counts(9, 20, seed=3)
    assert (counts.sum(axis=1) == 9).all() and (counts[0] == 1).all()
    found = results.resampled(errors, counts)
    for row, drawn in enumerate(counts):
        z = np.sort(np.repeat(errors, drawn, axis=0).ravel())
        assert found["mean"][row] == pytest.approx(z.mean())
        assert found["sd"][row] == pytest.approx(z.std())

        def quantile(q, z=z):
            return z[max(0, int(np.ceil(q * len(z) - 1e-9)) - 1)]

        assert found["median"][row] == quantile(0.5)
        for name, q in (("var_5", 0.05), ("var_2_5", 0.025), ("var_1", 0.01)):
            assert found[name][row] == -quantile(q)
            assert found[name.replace("var", "upper")][row] == quantile(1 - q)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(1)
    held = 0
    for trial in range(120):
        shared = rng.standard_normal((40, 1, 1))  # what the straddles and days of a month have in common
        z = shared + 0.5 * rng.standard_normal((40, 3, 6))
        table = results.Resamples.draw({"m": z}, 200, trial).table().set_index("statistic")
        held += bool(table.loc["mean", "low"] <= 0 <= table.loc["mean", "high"])
    assert abs(held / 120 - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 120)


def test_differences_are_paired():
    rng = np.random.default_rng(2)
    common = 5 * rng.standard_normal((30, 2, 4))
    errors = {"a": common, "b": 1.1 * common}
    found = results.Resamples.draw(errors, 300, 0)
    gap = found.differences("a", ("b",), ("sd",)).iloc[0]
    assert gap["difference"] == pytest.approx(common.std() - 1.1 * common.std())
    assert gap["ratio"] == pytest.approx(1 / 1.1)
    assert gap["high"] < 0 and gap["p_value"] < 0.01
    alone = found.table().set_index(["method", "statistic"])
    assert alone.loc[("a", "sd"), "high"] > alone.loc[("b", "sd"), "low"]  # unpaired they overlap


# the months


def test_rounding_is_no_unit_and_zero_has_no_sign():
    rng = np.random.default_rng(0)
    errors = {"a": rng.standard_normal((9, 4)), "b": np.maximum(rng.standard_normal((9, 4)), 0) * 1e-13}
    found = results.Resamples.draw(errors, 100, 1)
    assert found.differences("a", ("b",), ("sd", "var_5"))["ratio"].isna().all()
    assert not np.signbit(found.of["b"]["var_5"]).any()


def test_months_do_not_overlap_and_a_short_one_is_left_out(simulated):
    starts = month_starts(simulated, 30, 21)
    assert starts == tuple(range(30, 219, 21)) and starts[-1] + 21 <= 239
    with pytest.raises(MarketDataError, match="22 days before the first month"):
        month_starts(simulated, 10, 21)
    with pytest.raises(MarketDataError, match="found 9: the data end in the middle of a month"):
        month_starts(simulated, 230, 21)


def test_a_block_is_each_path_by_itself(simulated):
    law = SimulatedMarket.on(GRID)
    methods = (
        hedging_months.Method("delta-vega", hedging.DeltaVegaHedge()),
        hedging_months.Method("ours", hedging.DataDriven(), "law"),
    )
    costs = hedging.CostModel("quoted")
    plan = hedging_months.Plan(methods, {"law": law}, (0.9, 1.1), 21, 21, costs, 60, 20, 5)
    blocks = hedging_months.blocks(simulated, (100, 121, 142), plan)
    assert [block.starts for block in blocks] == [(100,), (121,), (142,)]
    assert len(blocks[0].history) == 122  # no more than it needs
    found = hedging_months.hedge_block(blocks[1])
    for name, shape in plan.shapes(1).items():
        assert found[name].shape == shape
    spot = float(simulated.spot[121])
    for i, m0 in enumerate((0.9, 1.1)):
        portfolio = hedging.straddle(m0 * spot)
        instruments = hedging.hedging_set(spot, portfolio)
        for j, method in enumerate(methods):
            path = hedging.track(
                simulated, portfolio, method.strategy, instruments=instruments, start=121, model=law,
                scenarios=60, fresh=20, seed=5,
            )  # fmt: skip
            # the other straddle's options share the factorisation, so rounding differs
            np.testing.assert_allclose(found["error"][0, i, j], path.error, atol=1e-6)
            np.testing.assert_allclose(found["cost"][0, i, j], path.cost, atol=1e-6)
            np.testing.assert_array_equal(found["instruments"][0, i, j], path.n_instruments)
        np.testing.assert_allclose(found["value"][0, i], path.value)
    assert found["alpha"][0, 0, 0] == -1 and found["alpha"][0, 0, 1] in hedging.FINE_ALPHAS


def test_a_generator_that_looks_ahead_is_refused(simulated):
    class Cheat(FilteredHistoricalSimulation):
        def over(self, history):
            found = super().over(history)
            found.known["volatility"] *= 1 + abs(history.log_return[-1])
            return found

    cheat = Cheat()
    cheat.fit(simulated[:150], seed=1)
    with pytest.raises(SettingsError, match="scenarios of model that depend on days up to"):
        carried_out(simulated, Work(inputs={"model": cheat}), source="model")


# the tables


def test_pooled_statistics_are_those_of_the_paths(hedged):
    paths, pooled = hedged["paths"], hedged["pooled"]
    assert len(paths) == 4 * 2 * 22
    chosen = pooled[(pooled["crisis"] == "included") & (pooled["m0"] == "all")].set_index(["method", "statistic"])
    for method in ("unhedged", "delta", "delta-vega", "data-driven"):
        z = paths[f"error_{method.replace('-', '_')}"].to_numpy()
        assert chosen.loc[(method, "sd"), "value"] == pytest.approx(z.std(), rel=1e-3)
        assert chosen.loc[(method, "var_5"), "value"] == pytest.approx(
            -np.quantile(z, 0.05, method="inverted_cdf"), rel=1e-3, abs=1e-4
        )
    gaps, by = hedged["differences"], hedged["by_moneyness"]
    assert set(gaps["m0"]) == {"all", *by["m0"]}
    for row in gaps[(gaps["m0"] != "all") & (gaps["crisis"] == "included")].itertuples():
        same = by[(by["crisis"] == "included") & (by["m0"] == row.m0) & (by["statistic"] == row.statistic)]
        value = same.set_index("method")["value"]
        assert row.difference == pytest.approx(value["data-driven"] - value[row.other])
        assert row.low <= row.high
    figures = hedged["months"].groupby("m0")["error_data_driven"].std(ddof=0)
    last = paths[paths["day"] == 21].groupby("m0")["error_data_driven"].std(ddof=0)
    np.testing.assert_allclose(figures, last, rtol=1e-3)


def test_the_crisis_is_left_out_by_whole_months(hedged):
    facts = hedged["facts"].set_index("fact")["value"]
    months = hedged["months"].drop_duplicates("month")
    overlap = (months["to"] >= facts["crisis_from"]) & (months["from"] <= facts["crisis_to"])
    assert overlap.tolist() == months["crisis"].tolist() and 0 < overlap.sum() < len(months)
    by = hedged["by_moneyness"]
    z = hedged["paths"][~hedged["paths"]["month"].isin(months["month"][overlap])]
    row = by[(by["crisis"] == "excluded") & (by["m0"] == 0.9) & (by["method"] == "delta") & (by["statistic"] == "mean")]
    assert row["value"].item() == pytest.approx(z[z["m0"] == 0.9]["error_delta"].mean(), rel=1e-3)


def test_counts_sensitivities_and_shares_come_from_the_hedges(hedged):
    hedges = hedged["hedges"]
    counts = hedged["instruments"].set_index(["m0", "instruments"])["days"]
    assert counts.groupby("m0").sum().tolist() == [84, 84]
    assert counts[0.9, 2] == ((hedges["m0"] == 0.9) & (hedges["instruments"] == 2)).sum()
    delta = hedged["delta"].set_index(["m0", "position", "statistic"])["value"]
    ours = hedges[hedges["m0"] == 1.1]
    assert delta[1.1, "hedged", "sd"] == pytest.approx(ours["net_delta"].std(ddof=0), rel=1e-3)
    middle = ours["value_delta"].quantile(0.5, interpolation="lower")
    assert delta[1.1, "unhedged", "median"] == pytest.approx(middle, rel=1e-3)
    for name, figure in (
        ("instruments", "share"),
        ("delta", "value"),
        ("vega", "value"),
        ("within_1_percent", "share"),
    ):
        table = hedged[name]
        assert (table["low"] <= table["high"]).all() and (table["low"] < table["high"]).any()
        inside = (table["low"] <= table[figure] + 1e-12) & (table[figure] <= table["high"] + 1e-12)
        assert inside.mean() > 0.8
    paths = hedged["paths"][hedged["paths"]["m0"] == 0.9]
    within = hedged["within_1_percent"].set_index(["method", "m0"])["share"]
    assert within["delta", 0.9] == pytest.approx((paths["error_delta"].abs() <= 0.01 * paths["value"]).mean())


def test_gain_is_one_less_the_ratio_to_the_better_benchmark(hedged):
    gain = hedged["gain"].set_index(["source", "statistic"])
    pooled = hedged["pooled"]
    pooled = pooled[(pooled["crisis"] == "included") & (pooled["m0"] == "all")].set_index(["method", "statistic"])[
        "value"
    ]
    better = min(pooled["delta", "sd"], pooled["delta-vega", "sd"])
    assert gain.loc[("true_law", "sd"), "gain"] == pytest.approx(1 - pooled["data-driven", "sd"] / better)
    share = gain.loc[("fhs", "sd"), "gain"] / gain.loc[("true_law", "sd"), "gain"]
    if gain.loc[("true_law", "sd"), "gain"] > 0:
        assert gain.loc[("fhs", "sd"), "share_of_true_law"] == pytest.approx(share)
    else:
        assert np.isnan(gain.loc[("fhs", "sd"), "share_of_true_law"])
    summary = hedging_study.summary(hedged)
    assert summary["months"] == 4
    assert summary["sd_over_better_benchmark"] == pytest.approx(pooled["data-driven", "sd"] / better)
    assert all(np.isfinite(list(summary.values())))


def test_alpha_of_a_month_is_the_best_of_the_months_before(simulated):
    config = from_dict(hedging_study.Config, {**QUICK, "test_from": str(simulated.dates[170]), "past_months": 6})
    made = study._Study(simulated, config, Work())
    labels = [m.label for m in made.methods]
    chosen = made._chosen("true_law")[:, 0, 0]
    assert [labels[k] for k in chosen[:6]] == ["true_law: 0.01"] * 6
    tried = [labels.index(f"true_law: {a:g}") for a in study.CANDIDATES]
    error, spot = made.hedged["error"], made.hedged["spot"]
    for month in range(6, len(chosen)):
        loss = [np.mean((error[:month, :, k] / spot[:month, None, None]) ** 2) for k in tried]
        assert chosen[month] == tried[int(np.argmin(loss))]
    assert len(made.outcome.starts) == len(chosen) - 6


def test_choices_of_alpha_and_their_table(simulated):
    first = str(simulated.dates[170])
    given = carried_out(simulated, test_from=first, alpha="0.02", variants=False)
    assert set(given["months"]["alpha"]) == {0.02} and "alphas" not in given
    criterion = carried_out(simulated, test_from=first, alpha="aic")
    assert set(criterion["months"]["alpha"]) <= set(hedging.FINE_ALPHAS)
    methods = criterion["alphas"]["method"].unique().tolist()
    assert methods == [
        "delta", "delta-vega", "data-driven (A2)", "data-driven (A1)", "data-driven (alpha 0.001)",
        "data-driven (alpha 0.25)", "data-driven (alpha 5)", "data-driven",
    ]  # fmt: skip
    table = criterion["alphas"].set_index(["crisis", "method", "statistic"])
    assert table.loc[("included", "data-driven", "sd"), "value"] == pytest.approx(
        table.loc[("included", "data-driven (A2)", "sd"), "value"]
    )
    assert table.loc[("included", "data-driven (A1)", "sd"), "published"] == 33.01
    by_alpha = criterion["alpha_paths"]
    assert by_alpha["m0"].unique().tolist() == [0.9] and len(by_alpha) == 3 * 22
    same = criterion["paths"].query("m0 == 0.9")["error_data_driven"]
    np.testing.assert_allclose(by_alpha["data-driven (A2)"], same)  # the headline is that choice here
    assert "alpha_paths" not in given


def test_least_shortfall_and_impact_are_further_choices(simulated):
    first = str(simulated.dates[180])
    found = carried_out(simulated, test_from=first, alpha="0.001", variants=False, shortfall=True, impact=0.01)
    assert set(found["pooled"]["method"]) == {"unhedged", "delta", "delta-vega", "data-driven", "least shortfall"}
    assert {"error_least_shortfall", "cost_least_shortfall"} <= set(found["months"].columns)
    plain = carried_out(simulated, test_from=first, alpha="0.001", variants=False)
    assert (found["hedges"]["cost"] != plain["hedges"]["cost"]).any()


def test_options_live_twice_as_long_where_the_surface_begins_later(simulated):
    late = Grid(GRID.moneyness, [1 / 6, 1 / 4, 1 / 2])
    history = simulate(late, 120, 3).history
    made = study._Study(history, from_dict(hedging_study.Config, QUICK), Work())
    assert made.life == 42
    assert study._Study(simulated, from_dict(hedging_study.Config, QUICK), Work()).life == 21
    asked = from_dict(hedging_study.Config, {**QUICK, "life": 30})
    assert study._Study(simulated, asked, Work()).life == 30


def test_straddles_struck_off_the_surface_are_told_apart():
    narrow = Grid([0.88, 0.95, 1.0, 1.05, 1.12], [1 / 12, 1 / 6, 1 / 2])
    history = simulate(narrow, 110, 3).history
    found = carried_out(history, alpha="aic", variants=False, moneyness="0.8 0.9 1.1", past_months=0)
    assert found["months"].groupby("m0")["on_surface"].first().tolist() == [False, True, True]
    assert set(found["pooled"]["m0"]) == {"all", "on the surface"}
    paths = found["paths"]
    z = paths[paths["m0"] > 0.85]["error_delta"].to_numpy()
    table = found["pooled"].set_index(["crisis", "m0", "method", "statistic"])["value"]
    assert table["included", "on the surface", "delta", "sd"] == pytest.approx(z.std(), rel=1e-3)


# stopping, and what is refused


def test_a_stopped_study_goes_on_with_the_months_that_are_left(simulated):
    settings = {"test_from": str(simulated.dates[150]), "alpha": "aic", "variants": False}
    whole = carried_out(simulated, **settings)
    asked = []
    work = Work(on_step=lambda progress: asked.append(progress.done) or len(asked) == 2)
    with pytest.raises(TrainingStopped, match="after 2 of 4 months"):
        carried_out(simulated, work, **settings)
    done = []
    again = replace(
        work,
        on_step=None,
        run=lambda task, parts: ((k, task(part)) for k, part in enumerate(parts) if not done.append(part.starts)),
    )
    resumed = carried_out(simulated, again, **settings)
    assert len(done) == 2
    for name, table in whole.items():
        pd.testing.assert_frame_equal(resumed[name], table)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["moneyness=one"], "distinct moneyness values between 0.2 and 5; found 'one'"),
        (["moneyness=0.9 0.9"], "distinct moneyness values"),
        (["alpha=often"], "alpha as past, aic, aic_coarse or a number >= 0; found 'often'"),
        (["alpha=-1"], "alpha as past"),
        (["compare=true_law"], "other than the main one; found 'true_law'"),
        (["compare=magic"], "found 'magic'"),
        (["compare=persistence"], "found 'persistence'"),
        (["test_from=2000-13-01"], "test_from as YYYY-MM-DD"),
        (["crisis_from=2000-12-01", "crisis_to=2000-11-01"], "begins before it ends"),
        (["life=5"], "live for at least 21 trading days; found 5"),
        (["source=oracle"], "source to be one of"),
    ],
)
def test_settings_that_make_no_study_are_refused(simulated, given, words):
    with pytest.raises(SettingsError, match=words):
        config = from_strings(hedging_study.Config, given, base=from_dict(hedging_study.Config, QUICK))
        study._Study(simulated, config, Work()).check()
        _ = study._Study(simulated, config, Work()).life


def test_a_generator_that_draws_one_tomorrow_is_refused(simulated):
    certain = Persistence()
    certain.fit(simulated[:121], seed=1)
    with pytest.raises(SettingsError, match="scenarios of model that differ"):
        carried_out(simulated, Work(inputs={"model": certain}), source="model")


def test_a_study_without_months_or_without_its_law_is_refused(simulated):
    with pytest.raises(MarketDataError, match="the data end in the middle of a month"):
        hedging_study.steps(simulated, from_dict(hedging_study.Config, {**QUICK, "test_from": "2000-12-01"}), Work())
    with pytest.raises(SettingsError, match="at least 2 months in the test part; found 1"):
        hedging_study.steps(
            simulated, from_dict(hedging_study.Config, {**QUICK, "test_from": str(simulated.dates[200])}), Work()
        )
    noisy = replace(simulated, iv=simulated.iv * np.random.default_rng(0).uniform(0.9, 1.1, simulated.iv.shape))
    with pytest.raises(MarketDataError, match="surfaces of the simulated market"):
        carried_out(noisy)


def test_the_test_part_begins_after_the_training_of_the_generator(simulated):
    model = FilteredHistoricalSimulation()
    model.fit(simulated[:121], seed=1)
    facts = {"data_fingerprint": simulated.fingerprint, "trained_on": ["2000-01-03", str(simulated.dates[120])]}
    config = from_dict(hedging_study.Config, {**QUICK, "source": "model", "train_share": 0.2})
    work = Work(inputs={"model": model}, about={"model": facts})
    assert study._Study(simulated, config, work).first == 122
    elsewhere = {**facts, "data_fingerprint": "other"}
    assert study._Study(simulated, config, Work({"model": model}, {"model": elsewhere})).first == 122
    later = {**elsewhere, "trained_on": ["2000-01-03", "2030-01-01"]}
    assert study._Study(simulated, config, Work({"model": model}, {"model": later})).first == 48
    assert study._Study(simulated, config, Work()).source == "fhs"
    known = from_dict(hedging_study.Config, {**QUICK, "past_months": 3})
    assert study._Study(simulated, known, Work()).first == 22 + 3 * 21


def test_months_before_the_test_begin_where_every_source_can_draw(simulated):
    config = from_dict(hedging_study.Config, {**QUICK, "source": "fhs", "train_share": 0.6})
    made = study._Study(simulated, config, Work())
    assert made.first == 144 and made.before == tuple(range(144 - 5 * 21, 144, 21))
    made.__dict__["models"] = {"slow": type("Slow", (), {"least_rows": 62})}
    del made.__dict__["before"]
    assert made.before == (81, 102, 123)


def test_published_figures_are_consistent_with_each_other():
    assert all(sum(row) == 1092 for row in results.PUBLISHED_INSTRUMENTS.values())
    for crisis in ("included", "excluded"):
        for method in ("delta", "delta-vega", "data-driven"):
            means = [row[0] for key, row in results.PUBLISHED_BY_MONEYNESS.items() if key[::2] == (crisis, method)]
            pooled = results.PUBLISHED_POOLED[crisis, method]
            assert np.mean(means) == pytest.approx(pooled[0], abs=0.02)
            row = [(v[0], v[2]) for key, v in results.PUBLISHED_BY_MONEYNESS.items() if key[::2] == (crisis, method)]
            second = np.mean([sd**2 + mean**2 for mean, sd in row])
            assert np.sqrt(second - np.mean(means) ** 2) == pytest.approx(pooled[2], rel=0.02)
    assert set(results.PUBLISHED_DELTA) == set(results.PUBLISHED_VEGA)


def test_the_largest_fall_is_the_crisis(simulated):
    peak, trough = results.largest_drawdown(simulated, 100)
    spot = simulated.spot[100:]
    worst = max((spot[: k + 1].max() / spot[k], k) for k in range(len(spot)))
    assert trough == str(simulated.dates[100 + worst[1]])
    assert spot[simulated.row_of(peak) - 100] == spot[: worst[1] + 1].max()


@pytest.mark.market_data
def test_two_month_straddles_on_the_real_surfaces(market_data):
    from engine.market.intake import read_surfaces

    history = read_surfaces(market_data / "spx_surfaces_2006_2009.csv").data
    found = carried_out(
        history,
        source="fhs",
        alpha="aic",
        variants=False,
        moneyness="0.9 1.1",
        test_from="2008-06-02",
        costs="parametric",
    )
    facts = found["facts"].set_index("fact")["value"]
    assert facts["options_live_days"] == "42" and facts["held_days"] == "21"
    pooled = found["pooled"].set_index(["crisis", "method", "statistic"])["value"]
    assert pooled["included", "delta", "sd"] < 0.5 * pooled["included", "unhedged", "sd"]
