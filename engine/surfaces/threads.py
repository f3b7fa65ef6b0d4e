"""Compiled loops that release the interpreter lock, run over chunks of their data on all cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def mapped(chunk: Callable[[int], T], starts: range) -> Iterator[T]:
    """``chunk`` of every start, in order, on all cores this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = min(len(starts), cores)
    if threads <= 1:
        yield from map(chunk, starts)
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="chunk") as pool:
        yield from pool.map(chunk, starts)
