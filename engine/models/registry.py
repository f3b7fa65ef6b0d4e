"""The registry: one :class:`Spec` a model, from which every list in the product derives.

A new model is one file and one Spec; whatever page, study or command can use it then shows it. Listing models imports
none of them: a class is imported when it is first asked for.
"""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from engine.errors import SettingsError

if TYPE_CHECKING:
    from engine.models.families.family import Family
    from engine.models.surface_model import FitReport, SurfaceModel
    from engine.training.progress import Checkpointer, OnStep

Role = Literal["baseline", "learned", "true law"]

NEXT_DAY = "next_day"
"""The task of a generator of tomorrow's surface and return."""

HALF_DAY = "half_day_returns"
"""The task of Fin-GAN and its benchmarks: the next half-day's excess return given the last ten."""

BASELINE = "fhs"
"""The model that all others are held against."""

AT_ONCE = 5.0
"""Seconds that a person waits for a fit on the spot; such models are also refitted as days go by."""

SOON = 120.0
"""Seconds that a comparison spends on fitting a model once."""

ON_A_TASK = "engine.models.family_model:family_model"
"""What makes a model of a family and a task; it knows the registry, so it is named here and not imported."""

_METHODS = Path(__file__).parent / "methods"


def _loaded(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


class Model(Protocol):
    """What a job trains and a checkpoint holds, whatever its task."""

    name: ClassVar[str]
    label: ClassVar[str]
    Config: ClassVar[type]

    def fit(
        self, data: Any, *, seed: int, on_step: OnStep | None = None, checkpointer: Checkpointer | None = None
    ) -> FitReport:
        """Fit to a training part."""

    def state(self) -> dict[str, Any]:
        """Everything learned, as named arrays."""

    def restore(self, state: Any, domain: Any) -> None:
        """The inverse of :meth:`state`."""


@dataclass(frozen=True)
class Spec:
    """What the product knows of a model without importing it.

    Args:
        name: the word it is registered under; it stands in files, cards and command lines.
        label: what a person calls it.
        cls: ``module:class``.
        role: what it is in a comparison: a baseline is statistics of the past, one regression at most; a learned one
            must beat the baselines; a true law is the law of built-in data.
        tasks: kinds of task it can be put to, the first by default.
        seconds_to_fit: on 22 years of 10×8 surfaces (or what its task has), two cores.
        colour: its own on every page, ``#RRGGBB``; one is made for it if empty.
        scenarios: whether it draws more than one tomorrow, so that there is a risk to hedge.
        conditional: whether its law moves with the state of the market even when it is not refitted, so that a
            comparison also enters it as it was fitted once.
        family: whether the class is a family on arrays, which becomes a model on a task.
        study: the study that trains it, where no job of its own does.
        published: whether it stands as a paper has it, to be compared with and not to lead.
    """

    name: str
    label: str
    cls: str
    role: Role = "learned"
    tasks: tuple[str, ...] = (NEXT_DAY,)
    seconds_to_fit: float = AT_ONCE
    colour: str = ""
    scenarios: bool = True
    conditional: bool = False
    family: bool = False
    study: str = ""
    published: bool = False

    @property
    def on_the_spot(self) -> bool:
        """Whether a page may fit it while a person waits, and draw from it."""
        learns = NEXT_DAY in self.tasks and self.role != "true law"
        return learns and self.scenarios and self.seconds_to_fit <= AT_ONCE

    @property
    def method(self) -> str:
        """What it does, in Markdown with its equations: ``methods/<name>.md``, else its class's documentation."""
        path = _METHODS / f"{self.name}.md"
        if path.is_file():
            own = path.read_text(encoding="utf-8")
        else:
            own = f"**{self.label}.**\n\n```text\n{inspect.getdoc(self.load())}\n```\n"
        return own + "\n" + (_METHODS / f"{NEXT_DAY}.md").read_text(encoding="utf-8") if self.family else own

    def load(self) -> type[Any]:
        """The class."""
        found: type[Any] = _loaded(self.cls)
        return found


ZOO = (NEXT_DAY, "level_surface", "daily_returns", "return_paths", "plane")
"""Tasks that any family of vectors can be put to."""


def _half_day(name: str, label: str, cls: str, role: Role = "learned") -> Spec:
    return Spec(name, label, f"engine.models.fingan.{cls}", role, (HALF_DAY,), seconds_to_fit=60, study="fingan")


def _family(name: str, label: str, cls: str, seconds: float = 20, colour: str = "") -> Spec:
    where = f"engine.models.families.{cls}"
    return Spec(name, label, where, tasks=ZOO, seconds_to_fit=seconds, colour=colour, family=True)


_FHS = "engine.models.conditional_fhs"

SPECS: dict[str, Spec] = {
    spec.name: spec
    for spec in (
        Spec(
            "two_speed",
            "Two-speed mixture",
            f"{_FHS}.two_speed:TwoSpeed",
            seconds_to_fit=1.5,
            colour="#9C6ADE",
            conditional=True,
        ),
        Spec(
            "hybrid",
            "Hybrid: learned factors, historical residuals",
            f"{_FHS}.hybrid:Hybrid",
            seconds_to_fit=1.0,
            colour="#4F81BD",
            conditional=True,
        ),
        Spec(
            "linear_anchor",
            "Linear anchor",
            f"{_FHS}.anchor:LinearAnchor",
            "baseline",
            seconds_to_fit=0.2,
            colour="#C0504D",
            conditional=True,
        ),
        Spec(
            "fhs",
            "Filtered historical simulation",
            f"{_FHS}.historical:FilteredHistoricalSimulation",
            "baseline",
            seconds_to_fit=0.1,
            colour="#D55E00",
        ),
        Spec(
            "fhs_garch",
            "Filtered historical simulation (GARCH)",
            f"{_FHS}.garch:GarchFilteredHistoricalSimulation",
            "baseline",
            seconds_to_fit=0.6,
            colour="#2E8FA3",
        ),
        Spec(
            "gaussian_var",
            "Gaussian VAR on factors",
            "engine.models.factor.gaussian_var:GaussianVar",
            "baseline",
            seconds_to_fit=0.2,
            colour="#8E6C8A",
        ),
        Spec(
            "pca_ou",
            "PCA–OU factor model",
            "engine.models.factor.pca_ou:PcaOrnsteinUhlenbeck",
            "baseline",
            seconds_to_fit=0.4,
            colour="#B5651D",
        ),
        Spec(
            "historical",
            "Historical simulation",
            f"{_FHS}.historical:HistoricalSimulation",
            "baseline",
            seconds_to_fit=0.1,
            colour="#A8762A",
        ),
        Spec(
            "persistence",
            "Persistence",
            f"{_FHS}.historical:Persistence",
            "baseline",
            seconds_to_fit=0.1,
            colour="#5F8A3C",
            scenarios=False,
        ),
        _family("vae", "Variational autoencoder", "vae:VAE", colour="#C62389"),
        _family("realnvp", "RealNVP", "realnvp:RealNVP", colour="#4C5FDF"),
        _family("ddpm", "Denoising diffusion", "ddpm:DDPM", colour="#796B41"),
        Spec(
            "volgan",
            "VolGAN",
            "engine.models.volgan.model:VolGAN",
            seconds_to_fit=130,
            colour="#0878B8",
            published=True,
        ),
        Spec(
            "simulated_market",
            "Simulated market (true law)",
            "engine.models.simulated.market:SimulatedMarket",
            "true law",
            seconds_to_fit=0.1,
            colour="#00916A",
        ),
        _half_day("fingan", "Fin-GAN", "sampling:GeneratorStack"),
        _half_day("forgan", "ForGAN", "sampling:GeneratorStack"),
        _half_day("lstm", "LSTM", "lstm:ForecasterStack"),
        _half_day("lstm_fin", "LSTM-Fin", "lstm:ForecasterStack"),
        _half_day("arima", "ARIMA", "forecast_baselines:arima", "baseline"),
        _half_day("logistic", "Logistic regression", "forecast_baselines:logistic", "baseline"),
        _half_day("yesterday", "Yesterday's sign", "forecast_baselines:yesterday", "baseline"),
        _half_day("random", "Random bets", "forecast_baselines:random_bets", "baseline"),
        _half_day("long_only", "Long only", "forecast_baselines:long_only", "baseline"),
    )
}
"""Every registered model by name, those that lead where nothing else decides first."""


def spec(name: str) -> Spec:
    """The Spec of a registered model.

    Raises:
        SettingsError: if there is none of that name.
    """
    if name not in SPECS:
        raise SettingsError(f"expected a model among {', '.join(SPECS)}; found {name[:40]!r}")
    return SPECS[name]


def of_task(task: str) -> tuple[Spec, ...]:
    """The models that can be put to a task."""
    return tuple(one for one in SPECS.values() if task in one.tasks)


def next_day() -> tuple[str, ...]:
    """Names of the generators of tomorrow's surface and return."""
    return tuple(one.name for one in of_task(NEXT_DAY))


def fitted_to_data() -> tuple[str, ...]:
    """Names of the generators of tomorrow that learn from data: all but true laws."""
    return tuple(one.name for one in of_task(NEXT_DAY) if one.role != "true law")


def on_the_spot() -> tuple[str, ...]:
    """Names of the generators of tomorrow that a person need not wait for, the best first."""
    return tuple(one.name for one in SPECS.values() if one.on_the_spot)


def refitted() -> tuple[str, ...]:
    """Names of the generators of tomorrow that a comparison refits as days go by."""
    return tuple(name for name in fitted_to_data() if SPECS[name].seconds_to_fit <= AT_ONCE)


def fitted_once() -> tuple[str, ...]:
    """Names of those that a comparison also, or only, enters as they were fitted before the test part."""
    return tuple(
        name for name in fitted_to_data() if SPECS[name].conditional or AT_ONCE < SPECS[name].seconds_to_fit <= SOON
    )


def role(name: str) -> Role:
    """What a model is in a comparison; one that is not registered counts as learned."""
    return SPECS[name].role if name in SPECS else "learned"


def published(name: str) -> bool:
    """Whether a model stands as a paper has it, settings and all, to be compared with and not to lead."""
    return name in SPECS and SPECS[name].published


def label(name: str) -> str:
    """What a person calls a model; the name itself where it is not registered."""
    return SPECS[name].label if name in SPECS else name


def families() -> tuple[str, ...]:
    """Names of the families on arrays."""
    return tuple(one.name for one in SPECS.values() if one.family)


def family_class(name: str) -> type[Family[Any]]:
    """The class of a family on arrays.

    Raises:
        SettingsError: if there is none of that name.
    """
    if name not in families():
        raise SettingsError(f"expected a family among {', '.join(families())}; found {name[:40]!r}")
    kind: type[Family[Any]] = SPECS[name].load()
    return kind


class Label:
    """The registry's label of a class, by its ``name``: said once. A class that sets its own has that."""

    def __get__(self, instance: object, owner: Any) -> str:
        """Of the class."""
        return label(owner.name)


def model(name: str, task: str = "") -> type[Any]:
    """The class of a model on a task, its first one if none is said.

    Raises:
        SettingsError: if there is no such model, or it cannot be put to that task.
    """
    found = spec(name)
    if found.study:
        raise SettingsError(
            f"expected a model that a job trains; found {found.label}, trained by: python -m engine study {found.study}"
        )
    task = task or found.tasks[0]
    if task not in found.tasks:
        raise SettingsError(f"expected a task of {found.label} among {', '.join(found.tasks)}; found {task[:40]!r}")
    kind: type[Any] = _loaded(ON_A_TASK)(name, task) if found.family else found.load()
    return kind


def surface_model(name: str) -> type[SurfaceModel]:
    """The class of a generator of tomorrow's surface and return.

    Raises:
        SettingsError: if there is none of that name.
    """
    if name not in next_day():
        raise SettingsError(f"expected a model among {', '.join(next_day())}; found {name[:40]!r}")
    found: type[SurfaceModel] = model(name, NEXT_DAY)
    return found
