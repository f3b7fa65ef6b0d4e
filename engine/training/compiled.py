"""Functions compiled to machine code: one decorator, so that all of them release the interpreter lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])

FAST = ("contract", "reassoc", "nsz", "arcp")
"""Liberties that let a sum become vector instructions; infinities and NaN keep their meaning."""


def compiled(*fastmath: str, cache: bool = False, inside: bool = False) -> Callable[[F], F]:
    """``njit`` without the interpreter lock, kept on disk where some folder can be written.

    A kept function is compiled again when its own file changes, not when a function of another file that it calls
    does: after editing a layer, touch the modules whose functions are kept.

    Args:
        fastmath: which liberties the arithmetic may take.
        cache: keep the machine code for the next process. For the outermost functions only: what they call is in them.
        inside: always put into its callers, which a loop must see to become vector instructions.
    """

    def decorate(function: F) -> F:
        options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": set(fastmath)}
        options |= {"forceinline": True} if inside else {}
        try:
            made: F = njit(cache=cache, **options)(function)
        except RuntimeError:  # neither the package's folder nor the user's cache folder can be written
            made = njit(**options)(function)
        return made

    return decorate
