"""One frozen dataclass describes a configuration: the page's form, ``--set key=value`` and the docs all come from it.

Example:
    >>> @configuration
    ... class Config:
    ...     epochs: int = setting(10_000, label="Epochs", help="Passes over the training part.", low=1, high=1_000_000)
    >>> from_strings(Config, ["epochs=20"]).epochs
    20
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, dataclass_transform, get_type_hints

from engine.errors import SettingsError

C = TypeVar("C")
Value = int | float | bool | str


@dataclass(frozen=True)
class SettingInfo:
    """What a form needs to know about one field; ``low``/``high`` are inclusive."""

    name: str
    kind: type
    default: Value
    label: str
    help: str
    low: float | None
    high: float | None
    choices: tuple[str, ...] | None
    unit: str
    advanced: bool
    extends: bool = False


def setting(
    default: Value,
    *,
    label: str,
    help: str,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] | None = None,
    unit: str = "",
    advanced: bool = False,
    extends: bool = False,
) -> Any:
    """A dataclass field that knows its label, range, unit and help text.

    Args:
        default: its value unless said otherwise; its type is the field's.
        label, help: for people.
        low, high: inclusive range of a number.
        choices: of a text.
        unit: of a number.
        advanced: shown when asked for.
        extends: whether a finished run may be continued with a larger value (more epochs).
    """
    info = {
        "label": label,
        "help": help,
        "low": low,
        "high": high,
        "choices": choices,
        "unit": unit,
        "advanced": advanced,
        "extends": extends,
    }
    return field(default=default, metadata=info)


@dataclass_transform(frozen_default=True)
def configuration(cls: type[C]) -> type[C]:
    """A frozen dataclass whose every field a form can show.

    Raises:
        SettingsError: when the class is made, if a field is no ``setting``, of another type than int, float, bool or
            str (a tuple, a union, None), or has a default that it would refuse.
    """
    made = dataclass(frozen=True)(cls)
    for name, kind in get_type_hints(made).items():
        if name in (known := {f.name: f for f in fields(made)}):  # type: ignore[arg-type]
            where = f"{made.__name__}.{name}"
            if kind not in (int, float, bool, str):
                words = getattr(kind, "__name__", str(kind)) if isinstance(kind, type) else str(kind)
                raise SettingsError(f"expected {where} to be an int, float, bool or str; found {words}")
            if "label" not in known[name].metadata:
                raise SettingsError(f"expected {where} to be made by setting(...); found a plain field")
            if not isinstance(known[name].default, (int, float) if kind is float else kind):
                raise SettingsError(f"expected a default of type {kind.__name__} for {where}; found another")
    from_dict(made, {f.name: f.default for f in fields(made)})  # type: ignore[arg-type]
    return made


def extending(config_type: type) -> tuple[str, ...]:
    """Names of the settings that may grow when a finished run is continued."""
    return tuple(info.name for info in describe(config_type) if info.extends)


def identity(config: Any) -> dict[str, Value]:
    """The settings that make a fit this fit: all but those that may grow when it is continued."""
    grow = extending(type(config))
    return {name: value for name, value in to_dict(config).items() if name not in grow}


def describe(config_type: type) -> tuple[SettingInfo, ...]:
    """Every setting of a configuration class, in the order of its fields."""
    kinds = get_type_hints(config_type)
    return tuple(
        SettingInfo(name=f.name, kind=kinds[f.name], default=f.default, **f.metadata)  # type: ignore[arg-type]
        for f in fields(config_type)
    )


def from_dict(config_type: type[C], values: Mapping[str, Any]) -> C:
    """Build and check a configuration; unknown names, wrong types and values out of range are errors.

    Raises:
        SettingsError: naming the setting, what was expected and what was found.
    """
    known = {info.name: info for info in describe(config_type)}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise SettingsError(f"expected settings among {', '.join(known)}; found {unknown[0]!r}")
    return config_type(**{name: _checked(known[name], value) for name, value in values.items()})


def from_strings(config_type: type[C], pairs: Iterable[str], base: C | None = None) -> C:
    """Apply ``key=value`` strings (the CLI's ``--set``) on top of ``base`` or of the defaults."""
    values: dict[str, Any] = dataclasses.asdict(base) if base is not None else {}  # type: ignore[call-overload]
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator:
            raise SettingsError(f"expected key=value; found {pair!r}")
        values[key.strip()] = text.strip()
    return from_dict(config_type, values)


def to_dict(config: Any) -> dict[str, Value]:
    """The configuration as plain JSON-able values."""
    return dataclasses.asdict(config)


def _checked(info: SettingInfo, value: Any) -> Value:
    parsed = _parsed(info, value)
    if info.choices is not None and parsed not in info.choices:
        raise SettingsError(f"expected {info.name} to be one of {', '.join(info.choices)}; found {value!r}")
    if isinstance(parsed, int | float) and not isinstance(parsed, bool):
        too_low = info.low is not None and not parsed >= info.low
        too_high = info.high is not None and not parsed <= info.high
        if too_low or too_high:
            raise SettingsError(f"expected {info.name} between {info.low} and {info.high}; found {value!r}")
    return parsed


def _parsed(info: SettingInfo, value: Any) -> Value:
    try:
        if info.kind is bool:
            if isinstance(value, bool):
                return value
            return {"true": True, "false": False, "1": True, "0": False}[str(value).lower()]
        if info.kind is int:
            number = float(value)
            if number != int(number):
                raise ValueError
            return int(number)
        if info.kind is float:
            return float(value)
        return str(value)
    except (KeyError, ValueError, TypeError, OverflowError):
        raise SettingsError(f"expected {info.name} to be of type {info.kind.__name__}; found {value!r}") from None
