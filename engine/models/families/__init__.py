"""The zoo: generative families on arrays, pure machine learning, no word of markets. One file a family.

Example:
    >>> law = estimator("vae", epochs=50).fit(X, condition, seed=0)
    >>> law.sample(1_000, condition[-1]).shape
    (1000, 81)

A family is found by its name in the registry; torch is imported when one is first asked for.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.models import registry

if TYPE_CHECKING:
    from engine.models.families.estimators import Estimator

__all__ = ["estimator", "load"]


def estimator(name: str, **settings: Any) -> Estimator:
    """A family with these settings, ready to be fitted to arrays.

    Raises:
        SettingsError: if there is no family of that name, or a setting is unknown or out of range.
    """
    from engine.models.families.estimators import Estimator
    from engine.settings import from_dict

    kind = registry.family_class(name)
    return Estimator(kind(from_dict(kind.Config, settings)))


def load(directory: str | Path) -> Estimator:
    """A fitted estimator from where :meth:`Estimator.save` has put it.

    Raises:
        CheckpointError: one sentence for whatever is wrong with it.
    """
    from engine.models.families.estimators import Estimator

    return Estimator.load(Path(directory))
