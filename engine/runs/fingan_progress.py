"""How far every network of a running Fin-GAN study is: read from the state it keeps, never from the process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from engine import tensor_file
from engine.errors import CheckpointError
from engine.models.fingan.networks import LOSSES
from engine.runs import run_directory
from engine.runs.studies import ARRAYS, RESULT

MOST_BYTES = 256 << 20
REPORTED = ("Discriminator", "Generator", "PnL*", "MSE", "SR*", "STD")
"""Figures of a network's latest epoch, in the order in which training keeps them."""


@dataclass(frozen=True, eq=False)
class MemberProgress:
    """Latest figures of every network of the seed at work.

    Args:
        seed: which.
        epoch: epochs done, matching included.
        figures: name → tickers × losses; losses are one column while gradients are matched.
    """

    seed: int
    epoch: int
    figures: dict[str, pd.DataFrame]


def member_progress(directory: Path) -> MemberProgress | None:
    """Figures of the networks of a Fin-GAN study in a run's directory; None before the first state is kept.

    Raises:
        CheckpointError: if the kept state is of something else.
    """
    states = sorted((directory / ARRAYS).glob("training_gan_*.safetensors"), key=lambda path: path.stat().st_mtime)
    if not states:
        return None
    kept = tensor_file.from_bytes(run_directory.read_bytes(states[-1], MOST_BYTES), states[-1].name)
    if "report" not in kept or "position" not in kept:
        return None  # finished: what it resumes from is given up
    listed = pd.read_csv(directory / RESULT / "tickers.csv")
    tickers = [str(name) for name in listed[listed["used"]]["ticker"]]
    report, (matching, epoch) = kept["report"], kept["position"]
    losses = ["BCE, matching"] if matching else list(LOSSES)
    if report.shape != (len(tickers) * len(losses), len(REPORTED)):
        raise CheckpointError(
            f"expected the state of {len(tickers)} tickers and {len(losses)} losses; found {report.shape}"
        )
    cube = np.asarray(report, np.float64).reshape(len(tickers), len(losses), len(REPORTED))
    figures = {name: pd.DataFrame(cube[..., k], index=tickers, columns=losses) for k, name in enumerate(REPORTED)}
    return MemberProgress(int(states[-1].stem.rsplit("_", 1)[1]), int(epoch), figures)
