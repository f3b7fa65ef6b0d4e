"""What is seen of VolGAN while it trains: the figures longhand, both alarms, and that looking changes nothing."""

import math

import numpy as np
import pytest
from small_market import small_history

from engine.models.volgan import training as volgan_training
from engine.models.volgan.generator import VolGANConfig, condition_rows, conditions, targets, weight_shapes
from engine.models.volgan.training import CEILING, DRAWS, FLOOR, TrainingMonitor
from engine.surfaces import arbitrage
from engine.training.alarms import DATA_PENALTY, PENALTY, SPREAD, alarms
from engine.training.progress import TrainingStopped

HISTORY = small_history(days=60)
ROWS = condition_rows(HISTORY)
CONFIG = VolGANConfig(epochs=6, batch_size=15, matching_epochs=2, noise_dim=5, members=2, learning_rate=1e-3)


def weights(scale: float = 0.1, config: VolGANConfig = CONFIG) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    shapes = weight_shapes(config, HISTORY.grid)
    return {name: (scale * rng.standard_normal(shape)).astype(np.float32) for name, shape in shapes.items()}


def generated_longhand(watch: TrainingMonitor, w: dict[str, np.ndarray], seed: int) -> tuple[np.ndarray, list[float]]:
    """Returns ``(days, members, draws)`` and Φ of every surface, one scenario at a time in float64."""
    rng = np.random.default_rng([seed, 7])
    returns, penalties = np.empty((len(watch.rows), CONFIG.members, DRAWS)), []
    for day, row in enumerate(watch.rows):
        a = conditions(HISTORY, [row])[0]
        for k in range(CONFIG.members):
            noise = rng.standard_normal((DRAWS, CONFIG.noise_dim), dtype=np.float32).astype(np.float64)
            for i in range(DRAWS):
                x = np.concatenate([noise[i], a])
                for layer in range(3):
                    x = w[f"generator.{layer}.weight"][k].astype(np.float64) @ x + w[f"generator.{layer}.bias"][k]
                    x = np.log1p(np.exp(x)) if layer < 2 else x
                returns[day, k, i] = x[0] / math.sqrt(252)
                iv = np.exp(np.clip(a[3:] + x[1:], FLOOR, CEILING)).reshape(HISTORY.grid.shape)
                penalties.append(float(arbitrage.penalty(iv, HISTORY.grid, HISTORY.rate[row]).total))
    return returns, penalties


def test_figures_are_those_of_a_longhand_generator() -> None:
    watch, w = TrainingMonitor(HISTORY, 2, seed=4), weights()
    found = watch.figures(w)
    returns, penalties = generated_longhand(watch, w, seed=4)
    data_sd = targets(HISTORY, ROWS)[:, 0].std() / math.sqrt(252)
    assert found[SPREAD] == pytest.approx(returns.std(axis=2, ddof=1).mean() / data_sd, rel=1e-4)
    assert found[PENALTY] == pytest.approx(np.mean(penalties), rel=1e-3)
    data = [float(arbitrage.penalty(HISTORY.iv[t], HISTORY.grid, HISTORY.rate[t]).total) for t in ROWS]
    assert found[DATA_PENALTY] == pytest.approx(np.mean(data), abs=1e-12)
    assert watch.figures(w) == found  # the same noise at every look


def test_a_collapsed_generator_raises_the_alarm() -> None:
    w = weights()
    for name in ("generator.0.weight", "generator.1.weight", "generator.2.weight"):
        w[name] *= 0
    found = TrainingMonitor(HISTORY, 2, seed=0).figures(w)
    assert found[SPREAD] == 0
    assert any("collapsed" in sentence for sentence in alarms(found))


def test_a_generator_of_jagged_surfaces_raises_the_alarm() -> None:
    w = weights()
    jagged = np.where(np.arange(1 + HISTORY.grid.size) % 2, 1.0, -1.0).astype(np.float32)
    w["generator.2.bias"] += jagged
    found = TrainingMonitor(HISTORY, 2, seed=0).figures(w)
    assert any("Arbitrage explodes" in sentence for sentence in alarms(found))


def test_absurd_and_broken_weights_give_finite_or_missing_figures() -> None:
    watch = TrainingMonitor(HISTORY, 2, seed=0)
    assert math.isfinite(watch.figures(weights(scale=1e6))[PENALTY])
    broken = weights()
    broken["generator.2.bias"][0, 0] = np.nan
    assert math.isnan(watch.figures(broken)[PENALTY])


def test_a_large_stack_is_watched_on_fewer_days() -> None:
    sizes = [len(TrainingMonitor(HISTORY, members, seed=0).rows) for members in (1, 8, 64)]
    assert sizes == [32, 4, 4]


class Box:
    """A checkpointer in memory."""

    state = None

    def load(self):
        return self.state

    def save(self, state):
        self.state = state


def trained(**options) -> dict[str, np.ndarray]:
    return volgan_training.train(HISTORY, CONFIG, seed=2, report_every=0.0, **options).state


def test_watching_changes_no_weight_and_a_resumed_fit_ends_with_the_same_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, checkpointer = [], Box()
    undisturbed = trained(on_step=lambda progress: bool(seen.append(progress)))
    assert all({PENALTY, DATA_PENALTY, SPREAD} <= set(progress.losses) for progress in seen) and len(seen) > 6
    with pytest.raises(TrainingStopped):
        trained(on_step=lambda progress: progress.done >= 4, checkpointer=checkpointer)
    resumed = trained(checkpointer=checkpointer)
    monkeypatch.setattr(TrainingMonitor, "figures", lambda self, weights: {})
    unwatched = trained(on_step=lambda progress: False)
    for name, array in undisturbed.items():
        np.testing.assert_array_equal(array, resumed[name], err_msg=name)
        np.testing.assert_array_equal(array, unwatched[name], err_msg=name)
