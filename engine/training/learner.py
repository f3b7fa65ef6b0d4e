"""The loop's view of any torch network: mini-batches, optimisers, schedule, clipping, averaging, validation."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel

from engine.errors import CheckpointError, SettingsError
from engine.training.loop import Arrays, Learner
from engine.training.optimisation import Optimisation, average_decay, rate_factor
from engine.training.progress import check_arrays
from engine.training.streams import Streams

MEMORY = 32
"""Updates over which reported losses are averaged."""

VALIDATION_BATCH = 4096
"""Rows of the validation part in one pass."""

COUNTERS, BEST_LOSS = "counters", "best_loss"
WHAT = "a training state"

Terms = dict[str, Tensor]
"""Named scalar losses, to be added."""


@dataclass(frozen=True)
class Batch:
    """Rows of an update.

    Args:
        x: ``(batch, *x)``.
        condition: ``(batch, *c)``, None where the law has none.
        progress: share of the training done, for terms that are phased in; 1 outside training.
    """

    x: Tensor
    condition: Tensor | None = None
    progress: float = 1.0


@dataclass(frozen=True)
class Player:
    """One optimiser and what it lowers. A likelihood has one; a GAN two: discriminator, then generator.

    Args:
        name: before its terms in reports; empty where there is one player.
        parameters: its own; no other player's gradient is touched.
        loss: ``loss(net, batch, rng)``, the named terms.
        every: it moves at every so-many-th update.
    """

    name: str
    parameters: Sequence[nn.Parameter]
    loss: Callable[[Any, Batch, torch.Generator], Terms]
    every: int = 1


class TorchLearner(Learner[Tensor]):
    """Trains a network by the losses of its players.

    Args:
        net: changed in place, on ``x``'s device.
        players: in the order of their moves.
        x: ``(rows, *x)`` in order of time.
        condition: ``(rows, *c)`` or None.
        config: settings of the optimisation.
        seed: of order and noise.

    Raises:
        SettingsError: if validation leaves fewer than two rows on either side.
    """

    def __init__(
        self,
        net: nn.Module,
        players: Sequence[Player],
        x: Tensor,
        condition: Tensor | None,
        config: Optimisation,
        *,
        seed: int,
    ) -> None:
        self.net, self.players, self.config = net, players, config
        self.device = str(x.device)
        self.streams: Streams = Streams(seed, [0], "training", self.device)
        self.seed = seed
        rows = training_rows(len(x), config)
        self.x, self.x_validation = x[:rows], x[rows:]
        self.condition: Tensor | None = None
        self.condition_validation: Tensor | None = None
        if condition is not None:
            self.condition, self.condition_validation = condition[:rows], condition[rows:]
        self.updates = -(-rows // config.batch_size)  # in an epoch
        self.steps = self.averaged = self.waited = 0
        self.best_loss = float("inf")
        self.best: dict[str, Tensor] | None = None
        self.parameters = [sorted(player.parameters, key=_decays, reverse=True) for player in players]
        self.optimisers = [self._optimiser(parameters) for parameters in self.parameters]
        self.schedules = self._schedules()
        self.average = AveragedModel(net, multi_avg_fn=self._move_average) if config.average > 0 else None
        self._recent: deque[Terms] = deque(maxlen=MEMORY)

    def begin_phase(self, phase: str) -> None:
        """Nothing: the network came with its initial weights."""

    def batches(self) -> Sequence[Tensor]:
        """Row numbers of an epoch's updates, in random order, of sizes that differ by one at most."""
        return torch.tensor_split(self.streams.permutations(len(self.x))[0], self.updates)

    def step(self, batch: Tensor) -> None:
        """One move of every player whose turn it is, on the rows ``(batch,)``."""
        rng = self.streams.generators[0]
        condition = self.condition[batch] if self.condition is not None else None
        given = Batch(self.x[batch], condition, self.steps / (self.updates * self.config.epochs))
        self.net.train()
        found: Terms = {}
        for player, optimiser, schedule in zip(self.players, self.optimisers, self.schedules, strict=True):
            if self.steps % player.every:
                continue
            optimiser.zero_grad(set_to_none=True)
            terms = player.loss(self.net, given, rng)
            total = torch.stack(list(terms.values())).sum()
            torch.autograd.backward(total, inputs=list(player.parameters))
            if self.config.clip > 0:
                clip_grad_norm_(player.parameters, self.config.clip)
            optimiser.step()
            schedule.step()
            found |= {f"{player.name} {name}".strip(): term.detach() for name, term in terms.items()}
        self.steps += 1
        if self.average is not None:
            self.average.update_parameters(self.net)
            self.averaged += 1
        self._recent.append(found)

    def end_epoch(self) -> None:
        """The loss on the validation part; the best weights are kept, and patience may end the fit."""
        if len(self.x_validation) == 0:
            return
        loss = self.validation_loss()
        if loss < self.best_loss:
            self.best_loss, self.waited = loss, 0
            self.best = deepcopy(self._latest().state_dict())
        else:
            self.waited += 1
            self.finished = 0 < self.config.patience <= self.waited

    @torch.no_grad()
    def validation_loss(self) -> float:
        """Mean over the validation part of the first player's terms, with the same noise every time."""
        net = self._latest().eval()
        rng = Streams(self.seed, [0], "validation", self.device).generators[0]
        total = 0.0
        for start in range(0, len(self.x_validation), VALIDATION_BATCH):
            x = self.x_validation[start : start + VALIDATION_BATCH]
            held = self.condition_validation
            batch = Batch(x, held[start : start + VALIDATION_BATCH] if held is not None else None)
            total += len(x) * float(sum(term.double() for term in self.players[0].loss(net, batch, rng).values()))
        return total / len(self.x_validation)

    def losses(self) -> dict[str, float]:
        """Means of the terms over the latest updates, and the best validation loss so far."""
        names = dict.fromkeys(name for terms in self._recent for name in terms)
        found = {
            name: float(torch.stack([terms[name] for terms in self._recent if name in terms]).mean()) for name in names
        }
        return found | ({"best validation loss": self.best_loss} if self.best is not None else {})

    def weights(self) -> dict[str, Tensor]:
        """The weights to sample from: the best on the validation part, else their average, else the latest."""
        return self.best if self.best is not None else self._latest().state_dict()

    def state(self) -> Arrays:
        """All that the next update depends on, the streams excepted."""
        found: Arrays = {
            COUNTERS: np.array([self.steps, self.averaged, self.waited, self.finished], dtype=np.int64),
            **_arrays("weights", self.net.state_dict()),
        }
        for player, optimiser in enumerate(self.optimisers):
            for index, entries in optimiser.state_dict()["state"].items():
                found |= _arrays(f"optimiser.{player}.{index}", entries)
        if self.average is not None:
            found |= _arrays("average", self.average.module.state_dict())
        if self.best is not None:
            found |= {BEST_LOSS: np.array(self.best_loss), **_arrays("best", self.best)}
        return found

    def restore(self, state: Arrays) -> None:
        """The inverse of :meth:`state`."""
        check_arrays(state, {COUNTERS: (4,)}, WHAT, integers=(COUNTERS,))
        self.steps, self.averaged, self.waited, finished = (int(count) for count in state[COUNTERS])
        self.finished = bool(finished)
        load_tensors(self.net, state, "weights.", WHAT)
        for player, optimiser in enumerate(self.optimisers):
            optimiser.load_state_dict(
                {
                    "state": self._moments(player, state),
                    "param_groups": optimiser.state_dict()["param_groups"],
                }
            )
        # as many updates on: the rate of the next one is set anew from the counter
        self.schedules = self._schedules()
        if self.average is not None:
            load_tensors(self.average.module, state, "average.", WHAT)
            self.average.n_averaged.fill_(self.averaged)
        if BEST_LOSS in state:
            check_arrays(state, {BEST_LOSS: ()}, WHAT)
            self.best_loss = float(state[BEST_LOSS])
            best = deepcopy(self.net)
            load_tensors(best, state, "best.", WHAT)
            self.best = best.state_dict()

    def _latest(self) -> nn.Module:
        module: nn.Module = self.average.module if self.average is not None else self.net
        return module

    def _move_average(self, averages: Sequence[Tensor], current: Sequence[Tensor], updates: Tensor | int) -> None:
        torch._foreach_lerp_(list(averages), list(current), 1 - average_decay(self.config.average, self.averaged))

    def _optimiser(self, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        c = self.config
        groups = [
            {"params": [p for p in parameters if _decays(p) == decays], "weight_decay": c.weight_decay * decays}
            for decays in (True, False)
        ]
        groups = [group for group in groups if group["params"]]
        if c.optimiser == "rmsprop":
            return torch.optim.RMSprop(groups, c.learning_rate, momentum=c.momentum)
        return torch.optim.AdamW(groups, c.learning_rate, betas=(c.momentum, 0.999), fused=True)

    def _schedules(self) -> list[LambdaLR]:
        """The rate of every optimiser's next move, whatever was moved before."""
        steps, found = self.updates * self.config.epochs, []
        for player, optimiser in zip(self.players, self.optimisers, strict=True):
            for group in optimiser.param_groups:
                group["initial_lr"] = self.config.learning_rate

            def factor(move: int, every: int = player.every) -> float:
                return rate_factor(self.config, move * every, steps)

            found.append(LambdaLR(optimiser, factor, last_epoch=-(-self.steps // player.every) - 1))
        return found

    def _moments(self, player: int, state: Arrays) -> dict[int, dict[str, Tensor]]:
        prefix = f"optimiser.{player}."
        parameters = self.parameters[player]
        found: dict[int, dict[str, Tensor]] = {}
        for name, array in state.items():
            if name.startswith(prefix):
                index, _, entry = name[len(prefix) :].partition(".")
                if not (index.isdecimal() and int(index) < len(parameters)):
                    raise CheckpointError(f"expected moments of {len(parameters)} parameters; found {name!r}")
                shape = () if entry == "step" else tuple(parameters[int(index)].shape)
                check_arrays(state, {name: shape}, WHAT)
                found.setdefault(int(index), {})[entry] = torch.from_numpy(array.copy())
        return found


def undecayed(parameter: Any) -> None:
    """Spare a matrix from weight decay, as vectors (biases, gains) are: a linear map is not what overfits."""
    parameter.undecayed = True


def _decays(parameter: nn.Parameter) -> bool:
    return parameter.ndim >= 2 and not getattr(parameter, "undecayed", False)


def training_rows(rows: int, config: Optimisation) -> int:
    """How many rows, from the first on, are trained on; the rest is the validation part.

    Raises:
        SettingsError: if either part has fewer than two rows although validation is asked for.
    """
    if config.validation == 0:
        return rows
    held = round(config.validation * rows)
    if held < 2 or rows - held < 2:
        raise SettingsError(f"expected at least two rows to train on and two to validate on; found {rows} rows in all")
    return rows - held


def load_tensors(net: nn.Module, state: Arrays, prefix: str, what: str) -> None:
    """Copy named arrays into a network's parameters and buffers.

    Raises:
        CheckpointError: if one is missing, of another shape or kind, or not finite.
    """
    own = net.state_dict()
    expected = {prefix + name: tuple(tensor.shape) for name, tensor in own.items()}
    integers = {prefix + name for name, tensor in own.items() if not tensor.is_floating_point()}
    check_arrays(state, expected, what, integers)
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(torch.from_numpy(np.array(state[prefix + name], order="C")))


def _arrays(prefix: str, tensors: dict[str, Any]) -> dict[str, NDArray[Any]]:
    return {f"{prefix}.{name}": tensor.detach().cpu().numpy().copy() for name, tensor in tensors.items()}
