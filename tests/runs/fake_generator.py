"""A generator that takes its time: a random walk of weights, kept after every epoch, resumed to the same bits."""

import time
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from engine.errors import CheckpointError
from engine.market.grid import Grid
from engine.market.surface_history import SurfaceHistory
from engine.models.surface_model import FitReport, SurfaceModel, Tensors
from engine.scenarios.scenario_set import ScenarioSet
from engine.settings import configuration, setting
from engine.training.progress import Checkpointer, OnStep, Progress, TrainingDiverged, TrainingStopped


@configuration
class SlowWalkConfig:
    epochs: int = setting(20, label="Epochs", help="Steps of the walk.", low=1, high=100_000, extends=True)
    pause: float = setting(0.0, label="Pause", help="Sleep per epoch.", low=0.0, high=10.0, unit="seconds")
    fail_at: int = setting(0, label="Fail at", help="Epoch that diverges; 0 for none.", low=0, high=100_000)
    how: str = setting("diverge", label="How", help="How it fails.", choices=("diverge", "bug"))


class SlowWalk(SurfaceModel):
    name: ClassVar[str] = "slow_walk"
    label: ClassVar[str] = "Slow walk"
    Config: ClassVar[type] = SlowWalkConfig

    def __init__(self, config: SlowWalkConfig | None = None) -> None:
        super().__init__(config)
        self.weights = np.zeros((0, 0))

    def fit(
        self,
        history: SurfaceHistory,
        *,
        seed: int,
        on_step: OnStep | None = None,
        checkpointer: Checkpointer | None = None,
    ) -> FitReport:
        rng = np.random.Generator(np.random.PCG64(seed))
        weights, begin = np.zeros(history.grid.shape), 0
        kept = checkpointer.load() if checkpointer is not None else None
        if kept is not None:
            weights, begin = kept["weights"].copy(), int(kept["epoch"])
            rng.bit_generator.advance(begin * weights.size)
        for epoch in range(begin + 1, self.config.epochs + 1):
            time.sleep(self.config.pause)
            weights += rng.uniform(-1, 1, weights.shape)
            if epoch == self.config.fail_at:
                if self.config.how == "bug":
                    raise ZeroDivisionError("a bug")
                raise TrainingDiverged("expected finite losses; found NaN: lower the learning rate")
            if checkpointer is not None:
                checkpointer.save({"weights": weights, "epoch": np.array(epoch)})
            losses = {"size": float(np.abs(weights).mean())}
            if on_step is not None and on_step(Progress("walking", epoch, self.config.epochs, losses)):
                raise TrainingStopped(f"stopped after {epoch} of {self.config.epochs} epochs")
        self.weights = weights
        return FitReport(self.config.epochs, 0.0, history.period, {"size": float(np.abs(weights).mean())})

    def sample(self, condition: SurfaceHistory, n: int, *, rng: np.random.Generator) -> ScenarioSet:
        moves = 0.01 * rng.standard_normal((n, *condition.grid.shape))
        return ScenarioSet(0.01 * rng.standard_normal(n), condition.log_iv[-1] + moves, condition.grid)

    def sample_days(
        self, history: SurfaceHistory, rows: Sequence[int], n: int, *, rng: np.random.Generator
    ) -> ScenarioSet:
        raise NotImplementedError

    def state(self) -> Tensors:
        return {"weights": self.weights}

    def restore(self, state: Tensors, grid: Grid) -> None:
        if set(state) != {"weights"} or state["weights"].shape != grid.shape or state["weights"].dtype != np.float64:
            raise CheckpointError(f"expected the weights of a walk on {grid!r}; found others")
        self.weights = state["weights"]
