"""The networks that the validation of VolGAN looks at, given or trained here, and what their discriminators say.

The discriminator is read as a detector of extreme days (Figure 3.4); gradient norms are those of matching (Figure 3.2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.errors import MarketDataError, SettingsError
from engine.evaluation.comparison import seeds_columns, seeds_interval
from engine.market.grid import Floats
from engine.market.surface_history import SurfaceHistory
from engine.models.volgan.generator import VolGANConfig
from engine.models.volgan.model import VolGAN
from engine.studies.base import Step, Tables, Work, rounded
from engine.studies.generators.scoring import SurfaceScoringConfig, split_rows
from engine.studies.volgan.forecasts import Rows
from engine.surfaces.principal_components import reference_shapes

TERMS = ("adversarial loss", "smoothness in moneyness", "smoothness in maturity")
"""What gradient norms were taken of, in the order they are kept."""

EXTREME_SCORE = 0.2
"""Discriminator score below which the start of the Covid pandemic fell (Figure 3.4)."""

SHOWN = 15
"""Days of lowest score that are listed, of each part."""

LOWEST_SHARE = 0.01
"""A day is extreme if its score is below this quantile of the scores in sample."""

Parts = Mapping[str, Rows]
"""Name of a part ("train", "test") → its condition rows."""


def scores(model: VolGAN, history: SurfaceHistory, rows: Rows) -> Floats:
    """``(K, days)`` each network's probability that what followed each condition row is real."""
    networks = [model.member(k) for k in range(model.config.members)]
    return np.stack([network.score(history, rows.tolist()) for network in networks])


def score_tables(history: SurfaceHistory, parts: Parts, models: Mapping[str, VolGAN]) -> dict[str, pd.DataFrame]:
    """Scores of every day, what they add up to, and the days of lowest score with what moved on them.

    Args:
        history: training and test days.
        parts: condition rows of "train" and "test".
        models: name → generator; the first names the extreme days.

    Raises:
        SettingsError: if there is no model.
    """
    if not models:
        raise SettingsError("expected at least one generator with a discriminator; found none")
    rows = np.concatenate(list(parts.values()))
    part = np.repeat(list(parts), [len(of) for of in parts.values()])
    daily = pd.DataFrame({"date": history.dates[rows + 1], "part": part})
    moved = standard_moves(history, rows, parts["train"])
    size = np.sqrt(np.square(moved).mean(axis=1))
    summary = []
    for name, model in models.items():
        found = scores(model, history, rows)  # (K, days)
        daily = daily.assign(**seeds_columns(found, name))
        daily[f"{name}_lowest"] = found.min(axis=0)
        daily[f"{name}_highest"] = found.max(axis=0)
        for of in parts:
            summary.append({"model": name, "part": of, **_facts(found[:, part == of], size[part == of].to_numpy())})
    first = next(iter(models))
    threshold = float(np.quantile(daily.loc[part == "train", first], LOWEST_SHARE))
    daily["extreme"], daily["size"] = daily[first] < threshold, size
    return {
        "scores": rounded(daily),
        "score_summary": pd.DataFrame(summary),
        "extreme_days": _extreme_days(history, rows, daily, first, moved, size),
    }


def standard_moves(history: SurfaceHistory, rows: Rows, train: Rows) -> pd.DataFrame:
    """What moved after each row, in standard deviations of the training part: index, level, skew, term structure and
    curvature of the surface (projections of Δg on those shapes).
    """

    def moves(of: Rows) -> NDArray[np.float64]:
        change = history.grid.flatten(history.log_iv[of + 1] - history.log_iv[of])
        shapes = np.stack(list(reference_shapes(history.grid).values()))
        return np.column_stack([history.log_return[of], change @ shapes.T])

    names = ["index", *reference_shapes(history.grid)]
    return pd.DataFrame(moves(rows) / moves(train).std(axis=0), columns=names)


def matching_tables(model: VolGAN) -> dict[str, pd.DataFrame]:
    """Gradient norms of each update of the matching, and the coefficients they gave; empty if none were kept."""
    norms = model.gradient_norms  # (updates, 3, K)
    columns = ["update", "term", "norm", "seeds_low", "seeds_high"]
    if len(norms) == 0:
        coefficients = ["coefficient", "value", "seeds_low", "seeds_high", "seeds"]
        return {"matching": pd.DataFrame(columns=columns), "coefficients": pd.DataFrame(columns=coefficients)}
    low, high = seeds_interval(np.moveaxis(norms, -1, 0))
    frame = pd.DataFrame(
        {
            "update": np.repeat(np.arange(1, len(norms) + 1), len(TERMS)),
            "term": np.tile(TERMS, len(norms)),
            "norm": norms.mean(axis=-1).ravel(),
            "seeds_low": low.ravel(),
            "seeds_high": high.ravel(),
        }
    )
    ratios = (norms[:, :1] / norms[:, 1:]).mean(axis=0)  # (2, K)
    low, high = seeds_interval(ratios.T)
    rows = [
        {"coefficient": name, "value": ratios[k].mean(), "seeds_low": low[k], "seeds_high": high[k]}
        for k, name in enumerate(("alpha_m", "alpha_tau"))
    ]
    return {"matching": rounded(frame), "coefficients": pd.DataFrame(rows).assign(seeds=norms.shape[-1])}


def _facts(found: Floats, size: Floats) -> dict[str, float]:
    """Figures of one part, means over networks with their interval."""
    from scipy.stats import spearmanr

    with_size = np.array([float(spearmanr(one, size).statistic) for one in found])
    facts: dict[str, float] = {}
    for name, values in {
        "mean": found.mean(axis=1),
        "sd": found.std(axis=1),
        "lowest": found.min(axis=1),
        "share_below_0.2": (found < EXTREME_SCORE).mean(axis=1),
        "correlation_with_size": with_size,
    }.items():
        low, high = seeds_interval(values)
        facts |= {name: float(values.mean()), f"{name}_low": float(low), f"{name}_high": float(high)}
    return facts | {"seeds": float(len(found)), "days": float(found.shape[1])}


def _extreme_days(
    history: SurfaceHistory, rows: Rows, daily: pd.DataFrame, model: str, moved: pd.DataFrame, size: pd.Series
) -> pd.DataFrame:
    """The days of lowest score in each part: what moved, in words and in standard deviations."""
    atm = history.atm()
    frame = daily[["date", "part", model, "extreme"]].rename(columns={model: "score"})
    frame["return"] = history.log_return[rows]
    frame["atm_change"] = atm[rows + 1] - atm[rows]
    frame["realised_vol"] = history.realised_vol[rows]
    frame["size"] = size
    frame["size_rank"] = size.rank(pct=True)
    frame["moved"] = [_words(dict(zip(moved.columns, row, strict=True))) for row in moved.to_numpy()]
    frame = pd.concat([frame, moved.add_suffix("_sd")], axis=1)
    lowest = [frame[frame["part"] == part].nsmallest(SHOWN, "score") for part in frame["part"].unique()]
    found: pd.DataFrame = pd.concat(lowest, ignore_index=True)
    return found


def _words(row: Mapping[str, float]) -> str:
    """The two largest moves of a day: ``index −6.2 sd, level +5.1 sd``."""
    largest = sorted(row, key=lambda name: -abs(row[name]))[:2]
    return ", ".join(f"{name} {row[name]:+.1f} sd" for name in largest).replace("-", "−")


MODELS = {"volgan": "model", "bce": "bce"}
"""Generator → the input that can give it trained."""

WORDS = {"volgan": "VolGAN", "bce": "the GAN without smoothness terms"}


@dataclass
class Networks:
    """VolGAN and the GAN trained on the adversarial loss alone.

    Args:
        history: training and test days.
        train, test: condition rows of each part.
        members, epochs, seed: of the networks that are trained here.
        work: what was given; whatever does not fit is refused before anything is trained.

    Raises:
        SettingsError: if a given generator is of another family or loss.
        MarketDataError: if it is of another grid.
    """

    history: SurfaceHistory
    train: Rows
    test: Rows
    members: int
    epochs: int
    seed: int
    work: Work
    _ready: dict[str, VolGAN] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for given in MODELS.values():
            if given in self.work.inputs:
                _volgan(self.work.inputs[given], given).score(self.history, [int(self.test[0])])

    def training_steps(self) -> tuple[Step, ...]:
        """One step for each generator that was not given."""
        return tuple(
            Step(f"training {WORDS[name]}", self._training(name))
            for name, given in MODELS.items()
            if given not in self.work.inputs
        )

    def get(self, name: str) -> VolGAN:
        """A generator, given or trained by an earlier step.

        Raises:
            SettingsError: if it has not been trained yet.
            CheckpointError: if what was kept of it does not fit.
        """
        if MODELS[name] in self.work.inputs:
            return _volgan(self.work.inputs[MODELS[name]], MODELS[name])
        if name not in self._ready:
            state = self.work.checkpointer(name).load()
            if state is None:
                raise SettingsError(f"expected {WORDS[name]} to be trained before it is used; found it is not")
            model = VolGAN(self._config(name))
            model.restore(state, self.history.grid)
            self._ready[name] = model
        return self._ready[name]

    def _training(self, name: str) -> Callable[[], Tables]:
        def train() -> Tables:
            model = VolGAN(self._config(name))
            known = self.history.until(int(self.train[-1]) + 1)  # the day after the last condition is its target
            checkpointer = self.work.checkpointer(f"{name}_training")
            model.fit(known, seed=self.seed, on_step=self.work.report, checkpointer=checkpointer)
            self.work.checkpointer(name).save(model.state())
            self._ready[name] = model
            return {}

        return train

    def _config(self, name: str) -> VolGANConfig:
        return VolGANConfig(loss=name, epochs=self.epochs, members=self.members)


def split(history: SurfaceHistory, train_before: str | None, train_share: float, work: Work) -> tuple[Rows, Rows]:
    """Condition rows of training and test.

    Given generators say when their training ended: the test begins on the next day, or later if asked to.

    Args:
        history: all days.
        train_before: conditions from this day on test; None: the share.
        train_share: share of the days that train.
        work: what was given.

    Raises:
        MarketDataError: if either part is too short.
        SettingsError: if the test would begin within the training of a given generator.
    """
    ends = [str(work.about[name]["trained_on"][1]) for name in MODELS.values() if name in work.about]
    if ends and train_before is None:
        row = int(np.searchsorted(history.dates, np.datetime64(max(ends)), side="right"))
        if row >= len(history):
            raise MarketDataError(
                f"expected days after the training of the generators, which ended on {max(ends)}; found none: "
                f"the data end on {history.dates[-1]}"
            )
        train_before = str(history.dates[row])
    train, test = split_rows(history, SurfaceScoringConfig(train_share=train_share), train_before)
    if ends and str(history.dates[test[0]]) <= max(ends):
        raise SettingsError(
            f"expected test days after the training of the generators, which ended on {max(ends)}; "
            f"found a test from {history.dates[test[0]]} on"
        )
    return train, test


def _volgan(model: Any, given: str) -> VolGAN:
    """The generator behind an input.

    Raises:
        SettingsError: if it is of another family or loss.
    """
    loss = "bce" if given == "bce" else "volgan"
    if not isinstance(model, VolGAN) or model.config.loss != loss:
        found = f"{model.label}, loss {model.config.loss}" if isinstance(model, VolGAN) else model.label
        raise SettingsError(f"expected a VolGAN trained with loss={loss} for --{given}; found {found}")
    return model
