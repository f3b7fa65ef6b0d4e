"""Seconds to find the generator that did best lately on 22 years of surfaces: ``python -m benchmarks.track_record``."""

import json
import time

from engine import datasets
from engine.evaluation import track_record
from engine.market.surface_history import SurfaceHistory


def main() -> None:
    """Compare once to compile, then once more on another day."""
    history = datasets.load("simulated-10x8").data
    assert isinstance(history, SurfaceHistory)
    track_record.compare(history, len(history) - 2)
    started = time.perf_counter()
    found = track_record.compare(history, len(history) - 1)
    seconds = round(time.perf_counter() - started, 2)
    print(
        json.dumps({"benchmark": "track_record", "days": track_record.DAYS, "seconds": seconds, "order": list(found)})
    )


if __name__ == "__main__":
    main()
