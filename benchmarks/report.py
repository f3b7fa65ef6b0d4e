"""What every benchmark shares: the least of several timings, and one JSON line with the facts of the machine."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any


def least_seconds(work: Callable[[], Any], repeats: int = 7) -> float:
    """Wall-clock seconds of the fastest of several runs after one unmeasured run; other load only ever adds."""
    work()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def print_line(figures: dict[str, Any], *libraries: str) -> None:
    """Print the figures, then cores, processor, load at the end of the run, and versions, as one JSON line."""
    facts = {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "load_1min": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        **{library: version(library) for library in libraries},
    }
    print(json.dumps({**figures, "machine": facts}))


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
