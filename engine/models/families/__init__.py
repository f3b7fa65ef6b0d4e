"""The zoo: generative families on arrays, pure machine learning, no word of markets. One file a family.

Example:
    >>> law = estimator("vae", epochs=50).fit(X, condition, seed=0)
    >>> law.sample(1_000, condition[-1]).shape
    (1000, 81)

A family is found by name in ``FAMILIES``; torch is imported when one is first asked for.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import SettingsError

if TYPE_CHECKING:
    from engine.models.families.estimators import Estimator
    from engine.models.families.family import Family

__all__ = ["FAMILIES", "estimator", "family_class", "load"]

FAMILIES: dict[str, str] = {
    "vae": "engine.models.families.vae:VAE",
    "realnvp": "engine.models.families.realnvp:RealNVP",
    "ddpm": "engine.models.families.ddpm:DDPM",
}
"""Name → ``module:class``."""


def family_class(name: str) -> type[Family[Any]]:
    """The class of a family.

    Raises:
        SettingsError: if there is none of that name.
    """
    if name not in FAMILIES:
        raise SettingsError(f"expected a family among {', '.join(FAMILIES)}; found {name[:40]!r}")
    module, _, attribute = FAMILIES[name].partition(":")
    found: type[Family[Any]] = getattr(importlib.import_module(module), attribute)
    return found


def estimator(name: str, **settings: Any) -> Estimator:
    """A family with these settings, ready to be fitted to arrays.

    Raises:
        SettingsError: if there is no family of that name, or a setting is unknown or out of range.
    """
    from engine.models.families.estimators import Estimator
    from engine.settings import from_dict

    kind = family_class(name)
    return Estimator(kind(from_dict(kind.Config, settings)))


def load(directory: str | Path) -> Estimator:
    """A fitted estimator from where :meth:`Estimator.save` has put it.

    Raises:
        CheckpointError: one sentence for whatever is wrong with it.
    """
    from engine.models.families.estimators import Estimator

    return Estimator.load(Path(directory))
