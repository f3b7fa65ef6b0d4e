"""One frozen dataclass describes a configuration: the page's form, ``--set key=value`` and the docs all come from it.

Example:
    >>> @dataclass(frozen=True)
    ... class Config:
    ...     epochs: int = setting(10_000, label="Epochs", help="Passes over the training part.", low=1, high=1_000_000)
    >>> from_strings(Config, ["epochs=20"]).epochs
    20
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, get_type_hints

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
) -> Any:
    """A dataclass field that knows its label, range, unit and help text."""
    info = {
        "label": label,
        "help": help,
        "low": low,
        "high": high,
        "choices": choices,
        "unit": unit,
        "advanced": advanced,
    }
    return field(default=default, metadata=info)


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
