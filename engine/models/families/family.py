"""What a family of generative models is: its networks, its loss, how to draw; where it can, density, codes, imputation.

A family sees standardised float32 tensors and a ``torch.Generator``; it knows neither units nor markets nor epochs.
:class:`engine.models.families.estimators.Estimator` fits it, keeps it and speaks arrays.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, NoReturn, TypeVar

import torch
from torch import Tensor, nn

from engine.errors import SettingsError
from engine.models.registry import Label
from engine.training.learner import Batch, Player, Terms

__all__ = ["Batch", "Family", "Player", "Shape", "Terms", "flat_size"]

Shape = tuple[int, ...]
N = TypeVar("N", bound=nn.Module)


class Family(ABC, Generic[N]):
    """A family of laws p(x | c); an instance is one configuration of it. ``N`` is its network.

    ``name``, ``label``: for the registry and for people. ``Config``: a ``configuration`` derived from ``Optimisation``.
    ``conditional``: whether it can take a condition. ``flat``: whether it works on vectors, so that x and condition of
    any shape are flattened before it sees them.
    """

    name: ClassVar[str]
    label = Label()
    Config: ClassVar[type]
    conditional: ClassVar[bool] = True
    flat: ClassVar[bool] = True

    def __init__(self, config: Any = None) -> None:
        self.config = config if config is not None else self.Config()

    @abstractmethod
    def networks(self, x: Shape, condition: Shape | None) -> N:
        """Networks with initial weights for x and condition of these shapes (of one row)."""

    @abstractmethod
    def loss(self, net: N, batch: Batch, rng: torch.Generator) -> Terms:
        """Named scalar losses of a batch; their sum is lowered, each is reported."""

    @abstractmethod
    def draw(self, net: N, condition: Tensor | None, n: int, rng: torch.Generator) -> Tensor:
        """``(n, *x)`` draws, one given each row of ``condition`` ``(n, *c)``, or of the unconditional law if None."""

    def players(self, net: N) -> tuple[Player, ...]:
        """Optimisers and what each lowers; a GAN returns several."""
        return (Player("", list(net.parameters()), self.loss),)

    def diagnostics(self, net: N, batch: Batch, rng: torch.Generator) -> dict[str, float]:
        """Figures about a fitted network, for its card."""
        return {}

    def can(self, capability: str) -> bool:
        """Whether the family has ``log_prob``, ``encode``, ``reconstruct`` or ``impute``."""
        return getattr(type(self), capability) is not getattr(Family, capability)

    def log_prob(self, net: N, x: Tensor, condition: Tensor | None) -> Tensor:
        """``(rows,)`` log density of x ``(rows, *x)``."""
        self._cannot("densities")

    def encode(self, net: N, x: Tensor, condition: Tensor | None) -> Tensor:
        """``(rows, latent)`` codes of x ``(rows, *x)``."""
        self._cannot("codes")

    def reconstruct(self, net: N, x: Tensor, condition: Tensor | None) -> Tensor:
        """``(rows, *x)`` what the codes of x say x was."""
        self._cannot("codes to reconstruct from")

    def impute(self, net: N, x: Tensor, mask: Tensor, condition: Tensor | None, n: int, rng: torch.Generator) -> Tensor:
        """n draws of the hidden entries given the observed ones, for every row.

        Args:
            net: fitted.
            x: ``(rows, *x)``; hidden entries are 0 and mean nothing.
            mask: ``(rows, *x)`` bool, True where observed.
            condition: ``(rows, *c)`` or None.
            n: draws of a row.
            rng: source of randomness.

        Returns:
            ``(n, rows, *x)``; what stands at observed entries is ignored.
        """
        self._cannot("a way to fill in what is missing")

    def _cannot(self, what: str) -> NoReturn:
        raise SettingsError(f"expected a family that has {what}; found {self.label}, which has none")


def flat_size(shape: Shape | None) -> int:
    """Length of a vector ``(d,)``; 0 for None."""
    return shape[0] if shape else 0
