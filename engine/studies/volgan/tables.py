"""Tables of VolGAN's validation: the thesis's figures beside ours, every one with its spread over networks.

Columns ``seeds_low`` and ``seeds_high`` are the 95 % interval of the mean over the networks of a stack (empty for a law
without any), ``published`` is the thesis's figure. ``volgan`` are raw scenarios, ``volgan_reweighted`` those under
β = 500/max Φ, ``bce`` the adversarial loss alone, ``fhs`` filtered historical simulation, ``truth`` the law of the
simulated market where that made the data.

The thesis printed its figures for the SPX, test part June 2018 to February 2023, on the 11×9 grid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.evaluation import calibration, comparison
from engine.evaluation.constant_correlation import constant_correlation
from engine.evaluation.tails import gaussian_shape
from engine.market.grid import Floats, Grid
from engine.studies.base import Tables, rounded
from engine.studies.volgan.forecasts import BAND, FollowedSeries, Forecasts
from engine.studies.volgan.paths import (
    COMPONENTS,
    PAIRS,
    TAIL_FIELDS,
    PathStatistics,
    Reference,
    frequencies,
    tail_fields,
)
from engine.surfaces import dynamics

PUBLISHED_PENALTY: dict[str, tuple[float, float, float]] = {
    "data": (0.0096, 0.0628, 0.0005),
    "bce": (2.4635, 0.9086, 2.3164),
    "volgan": (0.0199, 0.088, 0.003),
    "volgan_reweighted": (0.0127, 0.0620, 0.0014),
}
"""Table 3.1: mean, standard deviation and median of Φ (of daily means for the generators)."""

PUBLISHED_EXCEEDANCE: dict[tuple[str, str], tuple[float, float, float, float]] = {
    ("volgan_reweighted", "S"): (0.2532, 0.2919, 0.8200, 0.8355),
    ("volgan_reweighted", "3M 100 %"): (0.1395, 0.1516, 0.4961, 0.5461),
    ("volgan_reweighted", "3M 125 %"): (0.76978, 0.7881, 0.9285, 0.9380),
    ("volgan_reweighted", "3M 75 %"): (0.2946, 0.3032, 0.6546, 0.6934),
    ("volgan_reweighted", "1M 100 %"): (0.0982, 0.1128, 0.4289, 0.4841),
    ("volgan_reweighted", "1W 100 %"): (0.2041, 0.2205, 0.5917, 0.6322),
    ("volgan_reweighted", "1D 100 %"): (0.1990, 0.2179, 0.6012, 0.6434),
    ("volgan_reweighted", "VIX"): (0.3437, 0.3523, 0.5267, 0.5504),
    ("volgan", "S"): (0.0448, 0.0939, 0.9233, 0.9337),
    ("volgan", "3M 100 %"): (0.0852, 0.0956, 0.6451, 0.7167),
    ("volgan", "3M 125 %"): (0.7218, 0.7364, 0.9759, 0.9802),
    ("volgan", "3M 75 %"): (0.2033, 0.2214, 0.7562, 0.8183),
    ("volgan", "1M 100 %"): (0.0525, 0.0655, 0.5788, 0.6658),
    ("volgan", "1W 100 %"): (0.1180, 0.1378, 0.7295, 0.8010),
    ("volgan", "1D 100 %"): (0.1171, 0.1352, 0.7468, 0.8165),
    ("volgan", "VIX"): (0.2524, 0.2584, 0.7123, 0.7118),
}
"""Tables 3.2 (reweighted) and 3.3 (β = 0): share of days below the 1, 2.5, 97.5 and 99 % quantiles. That of the VIX
falls from 97.5 to 99 % as printed, which no quantile can do."""

PUBLISHED_EXPLAINED = {"data": (0.5125, 0.3400, 0.0501), "volgan": (0.4531, 0.2569, 0.1276)}
"""Table 3.4: share of variance of the first three components."""

PUBLISHED_EXPLAINED_SPREAD = (0.0184, 0.0088, 0.0055)
"""Table 3.4: 1.96 standard deviations of VolGAN's shares over 1,000 draws."""

PUBLISHED_ALIGNMENT = ((0.921, 0.922, 0.009), (0.921, 0.922, 0.011), (0.798, 0.798, 0.011))
"""Table 3.5: mean, median and standard deviation of the inner products of components."""

PUBLISHED_RETURN_CORRELATION = {
    "data": (-0.76, -0.29, 0.06),
    "volgan": (-0.84, -0.38, 0.16),
    "data_train": (-0.34, -0.32, 0.28),
}
"""Table 3.6: correlation of the return with the projections on the first three components."""

PUBLISHED_RETURN_CORRELATION_SPREAD = (0.024, 0.055, 0.020)
"""Table 3.6: 1.96 standard deviations of VolGAN's over 1,000 draws."""

PUBLISHED_SERIES = ("ΔlogS", "ΔX¹", "Δlog ATM", "Δlog VIX")
"""Rows and columns of Tables 3.7 to 3.9."""

PUBLISHED_CORRELATIONS: dict[str, dict[str, tuple[float, ...]]] = {
    "all": {
        "volgan": (-0.84, -0.86, -0.55, 0.95, 0.66, 0.72),
        "data": (-0.76, -0.77, -0.71, 0.89, 0.84, 0.96),
    },
    "first year": {
        "volgan": (-0.67, -0.73, -0.34, 0.89, 0.64, 0.77),
        "data": (-0.66, -0.82, -0.80, 0.75, 0.74, 0.96),
    },
    "last year": {
        "volgan": (-0.94, -0.92, -0.63, 0.97, 0.71, 0.76),
        "data": (-0.80, -0.72, -0.76, 0.96, 0.95, 0.95),
    },
}
"""Tables 3.7, 3.8 and 3.9."""


BASELINE = "fhs"
NOT_REJECTED = 0.05
TAIL_SERIES = ("return", "ATM increment")
BOOTSTRAPS, BLOCK = 500, 21


@dataclass(frozen=True, eq=False)
class LawResult:
    """What was found of one law.

    Args:
        variants: its names: raw, and reweighted if that was followed.
        forecasts: day by day.
        paths: on simulated histories, of the raw law.
    """

    variants: tuple[str, ...]
    forecasts: Forecasts
    paths: PathStatistics


@dataclass(frozen=True, eq=False)
class Validation:
    """Everything that the tables are made of.

    Args:
        dates: ``(T,)`` target dates.
        series: what was followed.
        data_penalty: ``(T,)`` Φ of the surfaces that came.
        data_test: the test part itself.
        data_train_correlation: ``(3,)`` correlation of return and projections over the training part.
        laws: name → what was found.
        scenarios: a day, of each network.
        rng_seed: of the bootstrap of the data's own figures.
    """

    dates: NDArray[np.datetime64]
    series: FollowedSeries
    data_penalty: Floats
    data_test: Reference
    data_train_correlation: Floats
    laws: Mapping[str, LawResult]
    scenarios: int
    rng_seed: int

    def each(self) -> Iterator[tuple[str, LawResult, int]]:
        """Every variant of every law: its name, what was found, and its position."""
        for law in self.laws.values():
            for position, name in enumerate(law.variants):
                yield name, law, position


def tables(found: Validation) -> Tables:
    """All of them, by the name of their file."""
    return {
        "series": found.series.table(),
        "penalty": penalty_table(found),
        "penalty_by_day": penalty_by_day(found),
        "coverage": coverage_table(found),
        "bands": band_table(found),
        "crps": crps_table(found),
        "correlation_by_day": correlation_by_day(found),
        "correlation_test": correlation_test(found),
        "tails": tail_table(found),
        "histogram": histogram_table(found),
        "components": component_table(found),
        "alignment": alignment_table(found),
        "eigen_surfaces": eigen_surface_table(
            found.data_test, {name: law.paths.vectors for name, law in found.laws.items()}
        ),
        "return_correlations": return_correlation_table(found),
        "correlations": correlation_table(found),
    }


def penalty_table(found: Validation) -> pd.DataFrame:
    """Table 3.1: mean, standard deviation and median over days of the (weighted) mean Φ of a day."""

    def statistics(daily: Floats) -> Floats:
        return np.array([daily.mean(axis=-1), daily.std(axis=-1), np.median(daily, axis=-1)])

    rows = []
    for name, values in [("data", found.data_penalty[None])] + [
        (name, law.forecasts.penalty[position]) for name, law, position in found.each()
    ]:
        theirs = PUBLISHED_PENALTY.get(name, (np.nan,) * 3)
        for statistic, of_seeds, figure in zip(("mean", "sd", "median"), statistics(values), theirs, strict=True):
            rows.append({"model": name, "statistic": statistic, **_spread(of_seeds), "published": figure})
    return pd.DataFrame(rows)


def penalty_by_day(found: Validation) -> pd.DataFrame:
    """Figure 3.6: Φ of what came and mean Φ of the scenarios, and the share of scenarios that reweighting leaves."""
    frame = pd.DataFrame({"date": found.dates, "data": found.data_penalty})
    for name, law, position in found.each():
        frame = frame.assign(**comparison.seeds_columns(law.forecasts.penalty[position], name))
        if position:
            share = law.forecasts.effective[position] / found.scenarios
            frame = frame.assign(**comparison.seeds_columns(share, "effective_share"))
    return rounded(frame)


def coverage_table(found: Validation) -> pd.DataFrame:
    """Tables 3.2 and 3.3: share of days below each quantile, with the tests of Kupiec and Christoffersen.

    With several networks the p-values are medians over them, and ``not_rejected`` is the share of them that Kupiec
    does not reject at 5 %.
    """
    rows = []
    for name, law, position in found.each():
        below = law.forecasts.below[position]  # (K, T, S, L)
        for s, (label, wanted) in enumerate(zip(found.series.labels, found.series.published, strict=True)):
            theirs = PUBLISHED_EXCEEDANCE.get((name, wanted), (np.nan,) * 4)
            for k, (level, figure) in enumerate(zip(calibration.LEVELS, theirs, strict=True)):
                tests = [calibration.coverage(of_seed, level) for of_seed in below[:, :, s, k]]
                kupiec = np.array([test.kupiec_p for test in tests])
                rows.append(
                    {
                        "model": name,
                        "series": label,
                        "level": level,
                        **_spread(below[:, :, s, k].mean(axis=1), "share"),
                        "kupiec_p": float(np.median(kupiec)),
                        "independence_p": float(np.median([test.independence_p for test in tests])),
                        "conditional_p": float(np.median([test.conditional_p for test in tests])),
                        "not_rejected": float((kupiec > NOT_REJECTED).mean()),
                        "published": figure,
                        "published_series": wanted,
                    }
                )
    return pd.DataFrame(rows)


def band_table(found: Validation) -> pd.DataFrame:
    """Share of days inside the 95 % band, of each series and of all together, with intervals over networks and days.

    ``days_low`` and ``days_high`` are percentiles of resampled blocks of 21 test days: another test period, the same
    networks.
    """
    days = len(found.dates)
    rng = np.random.default_rng([found.rng_seed, 4])
    counts = comparison.block_counts(days, rng=rng, draws=BOOTSTRAPS, block=min(BLOCK, days))
    rows = []
    for name, law, position in found.each():
        below = law.forecasts.below[position]
        inside = below[..., BAND[1]] & ~below[..., BAND[0]]  # (K, T, S)
        together = inside.mean(axis=-1, keepdims=True)
        for label, part in zip(("all", *found.series.labels), _columns(together, inside), strict=True):
            row = {"model": name, "series": label, **_spread(part.mean(axis=1), "inside")}
            rows.append(row | comparison.ends(counts @ part.mean(axis=0) / days, "days_"))
    return pd.DataFrame(rows)


def crps_table(found: Validation) -> pd.DataFrame:
    """Continuous ranked probability score of each series and its ratio to filtered historical simulation's.

    Units: log-return, index points, vol. The test compares daily scores, averaged over networks, with the baseline's
    (Diebold–Mariano); t below zero favours the model.
    """
    base = found.laws[BASELINE].forecasts.crps[0].mean(axis=0).astype(np.float64)  # (T, S)
    rows = []
    for name, law, position in found.each():
        daily = law.forecasts.crps[position].astype(np.float64)  # (K, T, S)
        for s, label in enumerate(found.series.labels):
            test = comparison.diebold_mariano(daily[:, :, s].mean(axis=0), base[:, s])
            ratios = daily[:, :, s].mean(axis=1) / base[:, s].mean()
            row = {"model": name, "series": label, "crps": float(daily[:, :, s].mean())}
            rows.append(row | _spread(ratios, "ratio") | {"t": test.statistic, "p_value": test.p_value})
    return pd.DataFrame(rows)


def correlation_by_day(found: Validation) -> pd.DataFrame:
    """Figure 3.11: correlation of simulated return and at-the-money increment, mean over networks and their range."""
    frame = pd.DataFrame({"date": found.dates})
    for name, law in found.laws.items():
        frame = frame.assign(**comparison.seeds_columns(law.forecasts.correlation, name))
        if len(law.forecasts.correlation) > 1:
            frame[f"{name}_lowest"] = law.forecasts.correlation.min(axis=0)
            frame[f"{name}_highest"] = law.forecasts.correlation.max(axis=0)
    return rounded(frame)


def correlation_test(found: Validation) -> pd.DataFrame:
    """Is the correlation of a day the same on all days? Band, share of days outside, and the test of constancy.

    With several networks, figures are means and p-values medians over them.
    """
    rows = []
    for name, law in found.laws.items():
        daily, errors = law.forecasts.correlation, law.forecasts.correlation_error
        tests = [constant_correlation(rho, found.scenarios, error) for rho, error in zip(daily, errors, strict=True)]
        rows.append(
            {
                "model": name,
                **_spread(daily.mean(axis=1), "mean"),
                "band_low": float(np.mean([test.low for test in tests])),
                "band_high": float(np.mean([test.high for test in tests])),
                **_spread(daily.std(axis=1), "sd_over_days", prefix="sd_"),
                **_spread(np.array([test.outside for test in tests]), "share_outside", prefix="outside_"),
                "p_value": float(np.median([test.p_value for test in tests])),
                "robust_p": float(np.median([test.robust_p for test in tests])),
            }
        )
    return pd.DataFrame(rows)


def tail_table(found: Validation) -> pd.DataFrame:
    """Figure 3.12 in numbers: moments and tails of returns and at-the-money increments, beside the data and a Gaussian.

    ``left_rate`` and ``right_rate`` are those of an exponential fitted to each tail, per standard deviation; the
    coefficient of variation ``_cv`` is 1 for an exponential tail.
    """
    rows = []
    for s, label in enumerate(TAIL_SERIES):
        data = tail_fields(found.data_test.four[:, (0, 2)[s]])
        gaussian = gaussian_shape(data[0], data[1])
        rows.append({"series": label, "model": "data", **dict(zip(TAIL_FIELDS, data, strict=True))})
        rows.append({"series": label, "model": "gaussian", **vars(gaussian)})
        for name, law in found.laws.items():
            row: dict[str, Any] = {"series": label, "model": name}
            for k, field in enumerate(TAIL_FIELDS):
                row |= _spread(law.paths.tails[:, s, k], field, prefix=f"{field}_")
            rows.append(row)
    return pd.DataFrame(rows)


def histogram_table(found: Validation) -> pd.DataFrame:
    """Figure 3.12: share of days or scenarios in each bar, and what a Gaussian like VolGAN's has there."""
    from scipy.stats import norm

    parts = []
    for s, label in enumerate(TAIL_SERIES):
        edges = found.data_test.edges[s]
        inner = np.concatenate([[-np.inf], edges[1:-1], [np.inf]])  # the end bars hold what lies beyond
        mean, sd = found.laws["volgan"].paths.tails[:, s, :2].mean(axis=0)
        part = pd.DataFrame({"series": label, "low": edges[:-1], "high": edges[1:]})
        part["data"] = frequencies(found.data_test.four[:, (0, 2)[s]], edges)
        part["gaussian"] = np.diff(norm.cdf(inner, mean, sd))
        for name, law in found.laws.items():
            part = part.assign(**comparison.seeds_columns(law.paths.frequencies[:, s], name))
        parts.append(part)
    return rounded(pd.concat(parts, ignore_index=True), 6)


def component_table(found: Validation) -> pd.DataFrame:
    """Table 3.4: share of variance of the first three components, with 1.96 standard deviations over histories."""
    reference = found.data_test
    low, high = _bootstrapped_shares(found)
    rows = []
    for rank in range(COMPONENTS):
        row = {"rank": rank + 1, "model": "data", "name": reference.components.names[rank]}
        share = float(reference.components.explained[rank])
        rows.append(
            row | {"share": share, "low": low[rank], "high": high[rank], "published": PUBLISHED_EXPLAINED["data"][rank]}
        )
        for name, law in found.laws.items():
            drawn = law.paths.shares[:, :, rank]
            theirs = PUBLISHED_EXPLAINED.get(name, (np.nan,) * COMPONENTS)[rank]
            spread = PUBLISHED_EXPLAINED_SPREAD[rank] if name == "volgan" else np.nan
            rows.append(
                {"rank": rank + 1, "model": name, **_over_histories(drawn, "share")}
                | {"published": theirs, "published_spread": spread}
            )
    return pd.DataFrame(rows)


def alignment_table(found: Validation) -> pd.DataFrame:
    """Table 3.5: inner products of a history's components with the data's."""
    rows = []
    for rank in range(COMPONENTS):
        for name, law in found.laws.items():
            drawn = law.paths.alignment[:, :, rank]
            theirs = PUBLISHED_ALIGNMENT[rank] if name == "volgan" else (np.nan,) * 3
            row = {"rank": rank + 1, "model": name, **_spread(drawn.mean(axis=1), "mean")}
            row |= {"median": float(np.median(drawn)), "sd": float(drawn.std(axis=1).mean())}
            rows.append(row | dict(zip(("published", "published_median", "published_sd"), theirs, strict=True)))
    return pd.DataFrame(rows)


def return_correlation_table(found: Validation) -> pd.DataFrame:
    """Table 3.6: correlation of the return with the projections of log-vol changes on the data's components."""
    reference = found.data_test
    projected = reference.moves[:, 1:] @ reference.vectors.T
    rows = []
    for rank in range(COMPONENTS):
        data = dynamics.correlation(reference.moves[:, 0], projected[:, rank])
        rows.append(
            {"rank": rank + 1, "model": "data", "correlation": data.value}
            | {"low": data.robust[0], "high": data.robust[1]}
            | {"published": PUBLISHED_RETURN_CORRELATION["data"][rank]}
        )
        train, theirs = found.data_train_correlation[rank], PUBLISHED_RETURN_CORRELATION["data_train"][rank]
        rows.append({"rank": rank + 1, "model": "data_train", "correlation": float(train), "published": theirs})
        for name, law in found.laws.items():
            drawn = law.paths.with_return[:, :, rank]
            figure = PUBLISHED_RETURN_CORRELATION["volgan"][rank] if name == "volgan" else np.nan
            spread = PUBLISHED_RETURN_CORRELATION_SPREAD[rank] if name == "volgan" else np.nan
            rows.append(
                {"rank": rank + 1, "model": name, **_over_histories(drawn, "correlation")}
                | {"published": figure, "published_spread": spread}
            )
    return pd.DataFrame(rows)


def correlation_table(found: Validation) -> pd.DataFrame:
    """Tables 3.7 to 3.9: correlations of ΔlogS, ΔX¹, Δlog ATM and Δlog VIX over all, the first and the last year."""
    reference = found.data_test
    rows = []
    for p, (period, days) in enumerate(reference.periods.items()):
        part = reference.four[days]
        for pair, (i, j) in enumerate(PAIRS):
            names = {"period": period, "days": len(part), "first": PUBLISHED_SERIES[i], "second": PUBLISHED_SERIES[j]}
            data = dynamics.correlation(part[:, i], part[:, j])
            theirs = PUBLISHED_CORRELATIONS[period]
            rows.append(
                {**names, "model": "data", "correlation": data.value}
                | {"low": data.robust[0], "high": data.robust[1], "published": theirs["data"][pair]}
            )
            for name, law in found.laws.items():
                drawn = law.paths.pairs[:, :, p, pair]
                figure = theirs["volgan"][pair] if name == "volgan" else np.nan
                rows.append({**names, "model": name, **_over_histories(drawn, "correlation"), "published": figure})
    return pd.DataFrame(rows)


def _spread(of_seeds: Floats, name: str = "value", *, prefix: str = "") -> dict[str, float]:
    """Mean over networks with its interval, and how many there are; a second figure of a row needs a prefix."""
    low, high = comparison.seeds_interval(of_seeds)
    ends = {f"{prefix}seeds_low": float(low), f"{prefix}seeds_high": float(high)}
    return {name: float(np.mean(of_seeds)), **ends} | ({} if prefix else {"seeds": float(len(of_seeds))})


def _columns(*parts: NDArray[Any]) -> Iterator[Floats]:
    """``(K, T)`` of every last position of arrays ``(K, T, …)``, one after the other."""
    for part in parts:
        yield from np.moveaxis(part.astype(np.float64), -1, 0)


def _over_histories(drawn: Floats, name: str) -> dict[str, float]:
    """Mean over histories ``(K, D)`` with 1.96 standard deviations of one history, and its interval over networks."""
    spread = dynamics.Z95 * float(drawn.std(axis=1).mean())
    mean = float(drawn.mean())
    low, high = comparison.seeds_interval(drawn.mean(axis=1))
    return {
        name: mean,
        "low": mean - spread,
        "high": mean + spread,
        "seeds_low": float(low),
        "seeds_high": float(high),
        "seeds": float(len(drawn)),
    }


def _bootstrapped_shares(found: Validation) -> tuple[Floats, Floats]:
    """95 % of the data's own shares of variance under resampling of blocks of days."""
    moves = found.data_test.moves[:, 1:]
    rng = np.random.default_rng([found.rng_seed, 3])
    counts = comparison.block_counts(len(moves), rng=rng, draws=BOOTSTRAPS, block=min(BLOCK, len(moves)))
    drawn = np.empty((len(counts), COMPONENTS))
    for k, weight in enumerate(counts):
        centred = moves - weight @ moves / len(moves)
        values = np.linalg.eigvalsh((centred * weight[:, None]).T @ centred)[::-1]
        drawn[k] = values[:COMPONENTS] / values.sum()
    return comparison.interval(drawn)


def eigen_surface_table(reference: Reference, laws: Mapping[str, Floats]) -> pd.DataFrame:
    """The first three eigen-surfaces of the data and of each law, point by point.

    Args:
        reference: the test part; its components are the data's.
        laws: name → ``(K, 3, N)`` mean eigenvectors of the histories of each network, as ``PathStatistics.vectors``.

    Returns:
        ``rank, model, moneyness, maturity, value`` and the interval of the mean over networks.
    """
    grid: Grid = reference.components.grid
    place = {
        "moneyness": np.repeat(grid.moneyness, grid.shape[1]),
        "maturity": np.tile(grid.maturity, grid.shape[0]),
    }
    parts = []
    for rank in range(COMPONENTS):
        about = {"rank": rank + 1, "model": "data"}
        parts.append(pd.DataFrame({**about, **place, "value": reference.vectors[rank]}))
        for name, vectors in laws.items():
            of_networks = vectors[:, rank]  # (K, N)
            low, high = np.transpose([comparison.seeds_interval(point) for point in of_networks.T])
            about = {"rank": rank + 1, "model": name}
            interval = {"seeds_low": low, "seeds_high": high, "seeds": float(len(of_networks))}
            parts.append(pd.DataFrame({**about, **place, "value": of_networks.mean(axis=0), **interval}))
    return rounded(pd.concat(parts, ignore_index=True), 5)
