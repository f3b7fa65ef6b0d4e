"""Φ of 10×8 surfaces in float64: how many a second on all cores, as pages and studies call it.

``python -m benchmarks.surface_penalty`` prints ``{"surfaces_per_second": …}``; with ``--compare`` also what two other
ways of writing it reach, chunked to the cache and on the same threads: NumPy with SciPy's ``ndtr``, and torch's
``erfc``; and how long a new process waits for its first penalty (import and the compiled code's load from disk).

On two Xeon cores shared with other work the compiled loops made 2.1 to 3.7 million a second, torch 0.4 to 0.8 and
NumPy 0.3 to 0.6 in the same runs. A new process waits about 0.5 s for its first penalty (2.4 s where nothing compiled
is on disk yet); torch's import alone takes 1.4 s.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from benchmarks.report import least_seconds, print_line
from engine.market.grid import CH2_GRID, Floats
from engine.surfaces import arbitrage

N_SURFACES = 300_000


def surfaces(n: int, seed: int = 0) -> Floats:
    """Smiles of random level, skew, curvature and slope with a little noise: some free of arbitrage, some not."""
    rng = np.random.default_rng(seed)
    k = np.log(CH2_GRID.moneyness)[:, None]
    shapes = np.stack([k**0 + 0 * CH2_GRID.maturity, k + 0 * CH2_GRID.maturity, k**2 + 0 * CH2_GRID.maturity])
    level, skew, curvature = rng.normal([-1.6, -0.6, 0.3], [0.4, 0.3, 0.2], (n, 3)).T
    log_iv = np.tensordot(np.stack([level, skew, curvature], axis=1), shapes, axes=1)
    log_iv += 0.02 * rng.standard_normal(log_iv.shape)
    return np.exp(log_iv)


def _numpy_chunk(iv: Floats) -> Floats:
    from scipy.special import ndtr

    m, tau = CH2_GRID.moneyness[:, None], CH2_GRID.maturity
    spread = iv * np.sqrt(tau)
    d = -np.log(m) / spread + spread / 2
    return _penalty_of_prices(ndtr(d) - m * ndtr(d - spread), np.maximum)


def _torch_chunk(iv: Floats) -> Any:
    import torch

    m, tau = torch.as_tensor(CH2_GRID.moneyness.copy())[:, None], torch.as_tensor(CH2_GRID.maturity.copy())
    spread = torch.as_tensor(iv) * tau.sqrt()
    d = -m.log() / spread + spread / 2
    root = -(0.5**0.5)
    price = 0.5 * (torch.special.erfc(d * root) - m * torch.special.erfc((d - spread) * root))
    return _penalty_of_prices(price, lambda x, low: x.clamp_min(low))


def _penalty_of_prices(c: Any, maximum: Callable[[Any, float], Any]) -> Any:
    """P1 + P2 + P3 summed, for arrays of either library."""
    steps, gaps = np.diff(CH2_GRID.moneyness)[:, None], np.diff(CH2_GRID.maturity)
    if not isinstance(c, np.ndarray):
        import torch

        steps, gaps = torch.as_tensor(steps), torch.as_tensor(gaps)
        early = torch.as_tensor(CH2_GRID.maturity[:-1].copy())
    else:
        early = CH2_GRID.maturity[:-1]
    slope = (c[:, 1:] - c[:, :-1]) / steps
    total = maximum((c[:, :, :-1] - c[:, :, 1:]) * (early / gaps), 0.0).sum((1, 2))
    return total + maximum(slope, 0.0).sum((1, 2)) + maximum(slope[:, :-1] - slope[:, 1:], 0.0).sum((1, 2))


def _chunked(chunk: Callable[[Floats], Any], iv: Floats, rows: int) -> Floats:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = pool.map(lambda start: np.asarray(chunk(iv[start : start + rows])), range(0, len(iv), rows))
        return np.concatenate(list(parts))


def _first_call_seconds() -> float:
    code = (
        "import time, numpy as np; from engine.market.grid import CH2_GRID; start = time.perf_counter();"
        "from engine.surfaces.arbitrage import total_penalty;"
        "total_penalty(np.full((10, 8), 0.2), CH2_GRID); print(time.perf_counter() - start)"
    )
    return min(
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(3)
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--compare", action="store_true", help="also time NumPy, torch and a process's first call")
    compare = parser.parse_args().compare
    iv = surfaces(N_SURFACES)
    start = time.perf_counter()
    total = arbitrage.total_penalty(iv, CH2_GRID)
    first_call = time.perf_counter() - start
    figures: dict[str, Any] = {
        "surfaces_per_second": round(
            N_SURFACES / least_seconds(lambda: arbitrage.total_penalty(iv, CH2_GRID), repeats=15)
        ),
        "with_arbitrage": float(np.mean(total > 0)),
        "first_call_seconds": round(first_call, 3),
    }
    libraries = ["numpy", "numba"]
    if compare:
        import torch

        torch.set_num_threads(1)  # the threads of the pool are the parallelism
        libraries += ["scipy", "torch"]
        few = iv[:60_000]
        for name, chunk in (("numpy", _numpy_chunk), ("torch", _torch_chunk)):
            rate, rows = max(
                (len(few) / least_seconds(lambda c=chunk, r=rows: _chunked(c, few, r), repeats=3), rows)
                for rows in (100, 200, 400, 1000)
            )
            error = np.abs(_chunked(chunk, few, rows) - total[: len(few)]).max()
            figures[f"{name}_surfaces_per_second"], figures[f"{name}_difference"] = round(rate), float(error)
        figures["new_process_first_call_seconds"] = round(_first_call_seconds(), 3)
    print_line(figures, *libraries)


if __name__ == "__main__":
    main()
