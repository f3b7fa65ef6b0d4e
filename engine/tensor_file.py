"""Named arrays as safetensors bytes, in and out; what comes in may be hostile and is never unpickled."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import CheckpointError

Arrays = dict[str, NDArray[Any]]

MOST_HEADER_BYTES = 1 << 20
"""A header of a megabyte names ten thousand arrays; no model here has a hundred."""

MOST_ARRAYS = 10_000


def to_bytes(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Serialise named arrays (any strides, any byte order)."""
    from safetensors.numpy import save

    # the library reads each array's memory as it lies, so it must lie in C order; `asarray` keeps scalars scalar
    return bytes(save({name: np.asarray(array, order="C") for name, array in arrays.items()}))


def from_bytes(content: bytes, what: str) -> Arrays:
    """Named arrays from safetensors bytes; they own their memory.

    Args:
        content: the whole file.
        what: what it is called in errors.

    Raises:
        CheckpointError: if it is truncated, not safetensors, or has an unreasonable header.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    _check_header(content, what)
    try:
        return {name: array.copy() for name, array in load(content).items()}
    except (SafetensorError, KeyError, ValueError, TypeError, OverflowError) as error:
        raise CheckpointError(f"expected {what} to be a safetensors file; found: {_words(error)}") from None


def digest(*parts: str | bytes | NDArray[Any] | None) -> str:
    """SHA-256, hexadecimal, of contents one after another; of arrays also their type and shape."""
    content = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            content.update(f"{part.dtype.str} {part.shape}".encode())
            content.update(np.ascontiguousarray(part).tobytes())
        else:
            content.update(part.encode() if isinstance(part, str) else part or b"")
    return content.hexdigest()


def check_finite(arrays: Mapping[str, NDArray[Any]], what: str) -> None:
    """No NaN, no infinity.

    Raises:
        CheckpointError: naming the first array that has one.
    """
    for name, array in arrays.items():
        if array.dtype.kind in "fc" and not np.isfinite(array).all():
            raise CheckpointError(f"expected finite numbers in {what}; found NaN or infinity in {name[:60]!r}")


def _check_header(content: bytes, what: str) -> None:
    """The header's length and the bytes it promises, before the library allocates anything for them."""
    if len(content) < 8:
        raise CheckpointError(f"expected {what} to be a safetensors file; found only {len(content)} bytes")
    length = int.from_bytes(content[:8], "little")
    if length > MOST_HEADER_BYTES:
        raise CheckpointError(f"expected {what} with a header of at most {MOST_HEADER_BYTES:,} bytes; found {length:,}")
    if 8 + length > len(content):
        raise CheckpointError(f"expected {what} to be whole; found it truncated within its header")
    try:
        header = json.loads(content[8 : 8 + length])
        entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
        ends = [int(entry["data_offsets"][1]) for entry in entries.values()]
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError, IndexError, OverflowError):
        raise CheckpointError(f"expected {what} to be a safetensors file; found a header that is none") from None
    if len(entries) > MOST_ARRAYS:
        raise CheckpointError(f"expected {what} with at most {MOST_ARRAYS:,} arrays; found {len(entries):,}")
    data = len(content) - 8 - length
    if max(ends, default=0) > data:
        raise CheckpointError(f"expected {what} to be whole; found it truncated, {data:,} bytes of data")


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
