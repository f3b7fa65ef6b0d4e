"""A digest of what a value holds: by it results are kept and found again, however the value came about."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd


def digest(value: object) -> str:
    """Hexadecimal digest of a value's content: numbers, words, arrays, tables, and dataclasses and containers of them.

    Raises:
        TypeError: for anything else.
    """
    content = hashlib.blake2b(digest_size=16)
    _feed(content, value)
    return content.hexdigest()


def _feed(content: Any, value: object) -> None:
    """Add a value to a digest, each with its kind, so that no two different values look alike."""
    content.update(f"<{type(value).__module__}.{type(value).__qualname__}>".encode())
    if value is None or isinstance(value, (bool, int, float, str, np.generic, datetime.date, datetime.timedelta)):
        content.update(repr(value).encode())
    elif isinstance(value, np.ndarray):
        content.update(f"{value.dtype.str}{value.shape}".encode())
        if value.dtype.hasobject:
            _feed(content, value.tolist())
        else:
            content.update(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data)
    elif isinstance(value, pd.DataFrame):
        _feed(content, (value.index, [(name, column) for name, column in value.items()]))
    elif isinstance(value, (pd.Series, pd.Index)):
        _feed(content, (value.name, value.to_numpy()))
    elif isinstance(value, Mapping):
        _feed(content, list(value.items()))
    elif isinstance(value, (list, tuple)):
        content.update(f"{len(value)}:".encode())
        for item in value:
            _feed(content, item)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for one in dataclasses.fields(value):
            _feed(content, getattr(value, one.name))
    else:
        raise TypeError(f"expected arrays, tables, words and numbers to digest; found {type(value).__name__}")
