"""VolGAN's networks and what they see (Ch3): conditions, targets, weights, and scenarios drawn from the generator.

Plain numpy: showing scenarios never imports torch.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import MarketDataError
from engine.market.grid import TRADING_DAYS, Floats, Grid
from engine.market.surface_history import FIRST_CONDITION_ROW, SurfaceHistory
from engine.settings import configuration, setting

GENERATOR_WIDTHS = (16, 32)
"""Hidden layers of the generator (3.2.4)."""

DISCRIMINATOR_WIDTH = 16
"""Hidden layer of the discriminator (3.2.4)."""

ANNUAL = np.sqrt(TRADING_DAYS)
"""Returns are annualised (×√252) inside the network."""

BLOCK = 4096
"""Scenarios computed at a time: their hidden layers stay in the processor's cache."""

LEAST_DAYS = FIRST_CONDITION_ROW + 2
"""A fit needs one condition row and the day after it."""

GRADIENT_NORMS = "matching.gradient_norms"

Singles = NDArray[np.float32]


@configuration
class VolGANConfig:
    """VolGAN as published (SPEC 2); ``loss="bce"`` is the plain conditional GAN without smoothness terms."""

    loss: str = setting(
        "volgan",
        label="Generator loss",
        help="volgan: adversarial loss plus smoothness along moneyness and maturity, weighted by gradient-norm "
        "matching (3.8); bce: the adversarial loss alone.",
        choices=("volgan", "bce"),
    )
    epochs: int = setting(
        10_000, label="Epochs", help="Passes over the training days.", low=1, high=1_000_000, extends=True
    )
    members: int = setting(
        1,
        label="Networks",
        help="Networks trained side by side from different seeds; scenarios are drawn from all of them equally.",
        low=1,
        high=64,
    )
    batch_size: int = setting(
        100, label="Batch size", help="Training days in one update.", low=1, high=10_000, unit="days"
    )
    learning_rate: float = setting(
        1e-4,
        label="Learning rate",
        help="RMSProp step of generator and discriminator.",
        low=1e-7,
        high=0.1,
        advanced=True,
    )
    matching_epochs: int = setting(
        25,
        label="Matching epochs",
        help="Epochs on the adversarial loss alone in which the gradient norms are measured, before training "
        "restarts from the same initial weights.",
        low=1,
        high=10_000,
        advanced=True,
    )
    noise_dim: int = setting(
        32, label="Noise dimension", help="Gaussian inputs of the generator.", low=1, high=1024, advanced=True
    )


def condition_rows(history: SurfaceHistory) -> NDArray[np.int64]:
    """The rows a fit uses as conditions: from row 22 (γ needs 21 returns) to the last but one.

    Raises:
        MarketDataError: if there is none.
    """
    if len(history) < LEAST_DAYS:
        raise MarketDataError(
            f"expected at least {LEAST_DAYS} days of surfaces ({FIRST_CONDITION_ROW} before the first condition, "
            f"one after the last); found {len(history)}"
        )
    return np.arange(FIRST_CONDITION_ROW, len(history) - 1)


def conditions(history: SurfaceHistory, rows: ArrayLike) -> Floats:
    """``(len(rows), 3 + N)`` a_t = (√252·R_{t−Δ}, √252·R_{t−2Δ}, γ_{t−Δ}, g_t), all known at the close of t (3.4).

    Raises:
        MarketDataError: if a row is outside the history or has fewer than 22 days before it.
    """
    t = _rows(history, rows, last=len(history) - 1)
    ended = history.log_return  # [t − 1] is the return that ended at t
    numbers = [ANNUAL * ended[t - 1], ANNUAL * ended[t - 2], history.realised_vol[t]]
    return np.concatenate([np.stack(numbers, axis=1), history.grid.flatten(history.log_iv[t])], axis=1)


def targets(history: SurfaceHistory, rows: ArrayLike) -> Floats:
    """``(len(rows), 1 + N)`` what followed: (√252·R_t, Δg_t).

    Raises:
        MarketDataError: if a row has no day after it.
    """
    t = _rows(history, rows, last=len(history) - 2)
    moves = history.grid.flatten(history.log_iv[t + 1] - history.log_iv[t])
    return np.concatenate([ANNUAL * history.log_return[t][:, None], moves], axis=1)


def weight_shapes(config: VolGANConfig, grid: Grid) -> dict[str, tuple[int, ...]]:
    """Name → shape ``(members, out, in)`` or ``(members, out)`` of every array of weights."""
    a, y, (h1, h2) = 3 + grid.size, 1 + grid.size, GENERATOR_WIDTHS
    layers = {
        "generator.0": (config.noise_dim + a, h1),
        "generator.1": (h1, h2),
        "generator.2": (h2, y),
        "discriminator.0": (a + y, DISCRIMINATOR_WIDTH),
        "discriminator.1": (DISCRIMINATOR_WIDTH, 1),
    }
    shapes: dict[str, tuple[int, ...]] = {}
    for name, (inputs, outputs) in layers.items():
        shapes[f"{name}.weight"] = (config.members, outputs, inputs)
        shapes[f"{name}.bias"] = (config.members, outputs)
    return shapes


def scenarios_of(
    weights: Mapping[str, Singles], grid: Grid, a: Floats, n: int, rng: np.random.Generator
) -> tuple[Singles, Singles]:
    """Scenarios of given conditions, n each; scenario i comes from member i mod members.

    Args:
        weights: by name, a leading axis of members.
        grid: of the surfaces.
        a: ``(days, 3 + N)`` as :func:`conditions` gives them.
        n: scenarios of each.
        rng: source of randomness.

    Returns:
        Log-returns ``(days, n)`` and tomorrow's log vols ``(days, n, n_moneyness, n_maturity)``.
    """
    members = len(weights["generator.0.weight"])
    log_return = np.empty((len(a), n), dtype=np.float32)
    log_iv = np.empty((len(a), n, grid.size), dtype=np.float32)
    for day, condition in enumerate(a.astype(np.float32)):
        for k in range(members):
            w = {name: array[k] for name, array in weights.items()}
            _generate(w, condition, log_return[day, k::members], log_iv[day, k::members], rng)
    return log_return, log_iv.reshape(*log_return.shape, *grid.shape)


def softplus(x: Singles) -> Singles:
    """log(1 + eˣ) = max(x, 0) + log1p(e^−|x|), without overflow; overwrites x."""
    tail = np.abs(x)
    np.negative(tail, out=tail)
    np.exp(tail, out=tail)
    np.log1p(tail, out=tail)
    np.maximum(x, 0, out=x)
    x += tail
    return x


def generated(w: Mapping[str, Singles], condition: Singles, noise: Singles) -> Singles:
    """``(n, 1 + N)`` (√252·R, Δg) of one member's generator from noise ``(n, noise_dim)``.

    Args:
        w: the member's weights.
        condition: ``(3 + N,)`` of all n, or ``(n, 3 + N)`` of each.
        noise: standard normal.
    """
    first, noise_dim = w["generator.0.weight"], noise.shape[1]
    from_condition = condition @ first[:, noise_dim:].T + w["generator.0.bias"]
    hidden = softplus(noise @ first[:, :noise_dim].T + from_condition)  # (n, 16)
    hidden = softplus(hidden @ w["generator.1.weight"].T + w["generator.1.bias"])  # (n, 32)
    y: Singles = hidden @ w["generator.2.weight"].T + w["generator.2.bias"]
    return y


def _generate(
    w: Mapping[str, Singles], condition: Singles, log_return: Singles, log_iv: Singles, rng: np.random.Generator
) -> None:
    """Fill returns ``(n,)`` and tomorrow's log vols ``(n, N)`` of one condition from one member's generator."""
    noise_dim = w["generator.0.weight"].shape[1] - len(condition)
    for start in range(0, len(log_return), BLOCK):
        part = slice(start, start + BLOCK)
        y = generated(w, condition, rng.standard_normal((len(log_return[part]), noise_dim), dtype=np.float32))
        np.divide(y[:, 0], np.float32(ANNUAL), out=log_return[part])
        np.add(y[:, 1:], condition[3:], out=log_iv[part])


def _rows(history: SurfaceHistory, rows: ArrayLike, last: int) -> NDArray[np.int64]:
    if last < FIRST_CONDITION_ROW:
        needed = FIRST_CONDITION_ROW + len(history) - last
        raise MarketDataError(f"expected at least {needed} days of surfaces for a condition; found {len(history)}")
    t = np.asarray(rows, dtype=np.int64).reshape(-1)
    t = np.where(t < 0, t + len(history), t)
    if len(t) == 0 or t.min() < FIRST_CONDITION_ROW or t.max() > last:
        found = "none" if len(t) == 0 else f"rows {t.min()} to {t.max()}"
        raise MarketDataError(
            f"expected rows between {FIRST_CONDITION_ROW} and {last} of {len(history)} days "
            f"(a condition needs {FIRST_CONDITION_ROW} days before it); found {found}"
        )
    return t
