"""Functions compiled to machine code: one decorator, so that all of them release the interpreter lock."""

from __future__ import annotations

import hashlib
import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from numba import njit
from numba.core.registry import CPUDispatcher

F = TypeVar("F", bound=Callable[..., Any])

FAST = ("contract", "reassoc", "nsz", "arcp")
"""Liberties that let a sum become vector instructions; infinities and NaN keep their meaning."""


def compiled(*fastmath: str, cache: bool = False, inside: bool = False) -> Callable[[F], F]:
    """``njit`` without the interpreter lock, kept on disk where some folder can be written.

    Args:
        fastmath: which liberties the arithmetic may take.
        cache: keep the machine code for the next process. For the outermost functions only: what they call is in them,
            and a change in any module they call into makes the kept code void.
        inside: always put into its callers, which a loop must see to become vector instructions.
    """

    def decorate(function: F) -> F:
        options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": set(fastmath)}
        options |= {"forceinline": True} if inside else {}
        try:
            made: F = njit(cache=cache, **options)(function)
        except RuntimeError:  # neither the package's folder nor the user's cache folder can be written
            made = njit(**options)(function)
        else:
            if cache:
                _stamp(made, function)
        return made

    return decorate


def available_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def sources(function: Callable[..., Any]) -> tuple[Path, ...]:
    """Files of all modules of compiled functions that a function's module reaches, its own first."""
    files: dict[str, Path] = {}
    queue = [function.__module__]
    while queue:
        name = queue.pop(0)
        module = sys.modules.get(name)
        if name in files or module is None or module.__file__ is None:
            continue
        files[name] = Path(module.__file__)
        for value in list(vars(module).values()):
            if isinstance(value, CPUDispatcher):
                queue.append(value.py_func.__module__)
            elif inspect.ismodule(value) and any(isinstance(v, CPUDispatcher) for v in vars(value).values()):
                queue.append(value.__name__)
    return tuple(files.values())


def _stamp(made: Any, function: Callable[..., Any]) -> None:
    """Kept code is valid for these very sources. numba alone looks at the file of the function, not at its callees'."""
    content = hashlib.sha256()
    for path in sources(function):
        content.update(path.read_bytes())
    kept = made._cache._cache_file
    kept._source_stamp = (*kept._source_stamp, content.hexdigest())
