"""The generators that the validation of VolGAN looks at: given ones, or networks it trains itself, resumably."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.errors import MarketDataError, SettingsError
from engine.market.surface_history import SurfaceHistory
from engine.models.volgan.model import VolGAN, VolGANConfig
from engine.studies.base import Step, Tables, Work
from engine.studies.generators.scoring import SurfaceScoringConfig, split_rows
from engine.studies.volgan.forecasts import Rows

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
