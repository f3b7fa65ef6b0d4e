"""How a torch network is optimised: the settings that families share, the learning-rate schedule, averaged weights."""

from __future__ import annotations

import math

from engine.settings import configuration, setting


@configuration
class Optimisation:
    """Settings of a fit by stochastic gradients; a family adds its own and may choose other defaults."""

    epochs: int = setting(
        100, label="Epochs", help="Passes over the training rows.", low=1, high=1_000_000, extends=True
    )
    batch_size: int = setting(256, label="Batch size", help="Rows in an update.", low=1, high=65_536)
    learning_rate: float = setting(1e-3, label="Learning rate", help="Largest step size.", low=1e-7, high=1.0)
    schedule: str = setting(
        "cosine",
        label="Schedule",
        help="Learning rate after warm-up: constant, or falling to zero along a cosine. Continuing a finished fit with "
        "more epochs raises a cosine's rate again.",
        choices=("constant", "cosine"),
        advanced=True,
    )
    warm_up: float = setting(
        0.02, label="Warm-up", help="Share of updates in which the rate rises to its value.", low=0.0, high=0.9,
        advanced=True,
    )  # fmt: skip
    optimiser: str = setting(
        "adam", label="Optimiser", help="Adam with decoupled weight decay, or RMSProp.", choices=("adam", "rmsprop"),
        advanced=True,
    )  # fmt: skip
    momentum: float = setting(
        0.9, label="Momentum", help="Adam's β₁, RMSProp's momentum.", low=0.0, high=0.999, advanced=True
    )
    weight_decay: float = setting(
        0.0, label="Weight decay", help="Shrinks matrices by this times the rate in every update.", low=0.0, high=10.0,
        advanced=True,
    )  # fmt: skip
    clip: float = setting(
        1.0, label="Gradient clipping", help="Largest norm of a gradient; 0 is none.", low=0.0, high=1e6, advanced=True
    )
    average: float = setting(
        0.0,
        label="Averaged weights",
        help="Decay of the exponential average of weights that is sampled from; 0 samples from the latest weights.",
        low=0.0,
        high=0.99999,
        advanced=True,
    )
    validation: float = setting(
        0.0,
        label="Validation share",
        help="Last share of the rows, kept out of training; the weights with the lowest loss on it are kept.",
        low=0.0,
        high=0.5,
    )
    patience: int = setting(
        0,
        label="Patience",
        help="Epochs without a lower validation loss after which training ends; 0 never ends it early.",
        low=0,
        high=1_000_000,
        advanced=True,
    )
    device: str = setting(
        "cpu", label="Device", help="Where the fit is computed.", choices=("cpu", "cuda"), advanced=True
    )


def rate_factor(config: Optimisation, step: int, steps: int) -> float:
    """Learning rate of an update as a share of its largest: linear warm-up, then constant or ½(1 + cos πu), u ∈ [0, 1).

    Args:
        config: settings.
        step: updates made so far.
        steps: updates of the whole fit.
    """
    warm = config.warm_up * steps
    if step < warm:
        return (step + 1) / (warm + 1)
    if config.schedule == "constant":
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm) / max(1.0, steps - warm))))


def average_decay(decay: float, updates: int) -> float:
    """Decay of an exponential average after so many updates: min(decay, (1 + n)/(10 + n)), so that a short fit does not
    remember its first weights.
    """
    return min(decay, (1 + updates) / (10 + updates))
