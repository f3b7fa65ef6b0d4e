"""Cross-evaluation: the expected sign of every generator on every asset's windows, s_j(a^i_t) (6.4).

A Fin-GAN generator is relu(U·lstm(a) + V·z + b) followed by one linear output: the window enters through one part, the
noise through another. The window's part is computed once a window, the noise's once a draw from a pool of draws that
each generator has for itself; a window takes ``samples`` neighbouring draws of the pool from a random place on. What is
left for each sample is sixteen additions, maxima and products. Draws of neighbouring windows are thus independent but
for a chance overlap of one in twenty.

The work is blocks of assets × blocks of generators. Their random numbers are keyed by asset and by generator, never by
block or worker, so that any split gives the same signs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.decisions.graph.mixture import Generator
from engine.errors import MarketDataError, SettingsError
from engine.market.grid import Floats
from engine.models.fingan.recurrent_kernels import sigmoid, tanh
from engine.models.fingan.sampling import Networks
from engine.training.compiled import compiled

POOL = 4096
"""Draws in a generator's pool of noise; the mean over the pool is within 1/64 sd of the law's."""

BLOCK = 16
"""Assets and generators in a block."""

Counts = NDArray[np.int16]


class Stacked(Protocol):
    """A stack of trained generators that can give its networks."""

    def networks(self) -> Networks:
        """The generators' weights."""


class Block(NamedTuple):
    """One task of the cross-evaluation: some generators on some assets. Everything a worker needs is in it."""

    networks: Networks
    windows: NDArray[np.float32]
    samples: int
    entropy: int
    first_asset: int
    first_generator: int


RunBlocks = Callable[[Callable[[Block], Counts], Sequence[Block]], Iterable[tuple[int, Counts]]]
"""Carries out a task for each block, anywhere, and yields (position, result) as they come."""


def cross_signs(
    models: Stacked | Networks | Sequence[Generator],
    windows: ArrayLike | Sequence[Any],
    samples: int,
    rng: np.random.Generator,
    *,
    run: RunBlocks | None = None,
) -> Floats:
    """Expected signs s_j(a^i_t) = (1/B) Σ_b sign g_j(a^i_t, Z_b) of every generator on every window.

    Args:
        models: J trained generators: a stack or several, their :class:`Networks`, or objects that can be sampled.
        windows: ``(assets, times, L)`` log-returns, the last L half-days before each time; or an object with such a
            ``condition`` for each asset.
        samples: B.
        rng: gives the seed of all streams.
        run: where the blocks are carried out; threads of this process if None.

    Returns:
        ``(assets, generators, times)`` in [-1, 1].

    Raises:
        MarketDataError: for windows of another shape or not finite.
        SettingsError: for no samples, or more than the pool holds.
    """
    counts = cross_sign_counts(models, windows, samples, rng, run=run)
    return counts / np.float64(samples)


def cross_sign_counts(
    models: Stacked | Networks | Sequence[Generator],
    windows: ArrayLike | Sequence[Any],
    samples: int,
    rng: np.random.Generator,
    *,
    run: RunBlocks | None = None,
    block: int = BLOCK,
) -> Counts:
    """The same as whole numbers, Σ_b sign g_j(a^i_t, Z_b): a quarter of the memory."""
    x = _windows(windows)
    if x.ndim != 3 or x.size == 0 or not np.isfinite(x).all():
        raise MarketDataError(f"expected finite windows (assets, times, L), none empty; found shape {x.shape}")
    if not 1 <= samples <= POOL:
        raise SettingsError(f"expected between 1 and {POOL} samples; found {samples}")
    networks = models if isinstance(models, Networks) else _networks(models)
    entropy = int(rng.integers(2**62))
    if networks is None:
        return _one_by_one(cast(Sequence[Generator], models), x, samples, entropy)
    length = networks.gate_weight.shape[-1]
    if x.shape[2] != length:
        raise MarketDataError(f"expected windows of the {length} returns the generators read; found {x.shape[2]}")
    tasks = list(_blocks(networks, x, samples, entropy, block))
    counts = np.empty((len(x), len(networks.mean), x.shape[1]), dtype=np.int16)
    for position, part in (run or in_threads)(evaluate_block, tasks):
        task = tasks[position]
        rows = slice(task.first_asset, task.first_asset + part.shape[0])
        counts[rows, task.first_generator : task.first_generator + part.shape[1]] = part
    return counts


def evaluate_block(block: Block) -> Counts:
    """Carry out one block.

    Returns:
        ``(assets, generators, times)`` sums of signs.
    """
    assets, times, length = block.windows.shape
    place = np.empty((assets, times), dtype=np.int64)
    for k in range(assets):
        stream = np.random.default_rng([block.entropy, 0, block.first_asset + k])
        place[k] = stream.integers(0, POOL - block.samples + 1, times)
    windows = np.ascontiguousarray(block.windows.reshape(-1, length).T)  # (L, assets·times)
    networks = block.networks
    out = np.empty((len(networks.mean), assets * times), dtype=np.int16)
    noise_size = networks.noise_weight.shape[-1]
    for j in range(len(networks.mean)):
        stream = np.random.default_rng([block.entropy, 1, block.first_generator + j])
        draws = stream.standard_normal((noise_size, POOL), dtype=np.float32)
        pool = networks.noise_weight[j] @ draws  # (hidden, POOL)
        # (a − mean)/sd is taken into the gates' weights; the sign of mean + sd·y is that of y + mean/sd
        gate_weight = networks.gate_weight[j] / networks.sd[j]
        gate_bias = networks.gate_bias[j] - gate_weight.sum(axis=-1) * networks.mean[j]
        cross_counts(
            windows,
            place.ravel(),
            pool,
            gate_weight,
            gate_bias,
            networks.window_weight[j],
            networks.hidden_bias[j],
            networks.output_weight[j],
            networks.output_bias[j] + networks.mean[j] / networks.sd[j],
            block.samples,
            out[j],
        )
    return out.reshape(len(out), assets, times).swapaxes(0, 1)


def in_threads(task: Callable[[Block], Counts], blocks: Sequence[Block]) -> Iterator[tuple[int, Counts]]:
    """Carry out blocks in threads of this process: the compiled loops hold no lock."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from enumerate(pool.map(task, blocks))


def _blocks(networks: Networks, windows: NDArray[np.float32], samples: int, entropy: int, size: int) -> Iterator[Block]:
    for asset in range(0, len(windows), size):
        for generator in range(0, len(networks.mean), size):
            part = Networks(*(np.ascontiguousarray(array[generator : generator + size]) for array in networks))
            yield Block(part, windows[asset : asset + size], samples, entropy, asset, generator)


def _networks(models: Stacked | Sequence[Any]) -> Networks | None:
    """The networks of a stack, or of several stacks in a row; None for generators that can only be sampled."""
    if hasattr(models, "networks"):
        return cast(Stacked, models).networks()
    several = list(models)
    if several and all(hasattr(one, "networks") for one in several):
        parts = [one.networks() for one in several]
        return Networks(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
    return None


def _windows(windows: ArrayLike | Sequence[Any]) -> NDArray[np.float32]:
    """``(assets, times, L)``; of objects with a ``condition`` their conditions."""
    if isinstance(windows, Sequence) and windows and all(hasattr(one, "condition") for one in windows):
        conditions = [np.asarray(one.condition, dtype=np.float32) for one in cast(Sequence[Any], windows)]
        if len({condition.shape for condition in conditions}) > 1:
            shapes = sorted({condition.shape for condition in conditions})
            raise MarketDataError(f"expected as many windows of every asset; found {shapes[0]} and {shapes[-1]}")
        return np.stack(conditions)
    return np.asarray(windows, dtype=np.float32)


def _one_by_one(models: Sequence[Generator], x: NDArray[np.float32], samples: int, entropy: int) -> Counts:
    assets, times, length = x.shape
    counts = np.empty((assets, len(models), times), dtype=np.int16)
    every = x.reshape(-1, length).astype(np.float64)
    for j, generator in enumerate(models):
        drawn = generator.sample(every, samples, np.random.default_rng([entropy, 1, j]))
        counts[:, j] = np.sign(drawn).sum(axis=1).reshape(assets, times)
    return counts


_CHUNK = 128  # windows at a time: their gates stay in the first-level cache


@compiled("contract", cache=True)
def cross_counts(
    windows: Any,
    place: Any,
    pool: Any,
    gate_weight: Any,
    gate_bias: Any,
    window_weight: Any,
    hidden_bias: Any,
    output_weight: Any,
    level: Any,
    samples: int,
    out: Any,
) -> None:
    """Σ_b sign g(a, z_b) of one generator on every window; windows lie innermost, where loops become vectors.

    Args:
        windows: ``(L, n)`` float32.
        place: ``(n,)`` where in the pool a window's draws begin.
        pool: ``(K, P)`` V z of the pool's draws.
        gate_weight, gate_bias: ``(3, H, L)``, ``(3, H)`` input gate, candidate, output gate, for windows as they are.
        window_weight: ``(K, H)``.
        hidden_bias, output_weight: ``(K,)``.
        level: constant part of the output, in units of its scale.
        samples: B.
        out: ``(n,)`` int16.
    """
    length, n = windows.shape
    hidden, units = window_weight.shape
    gates = np.empty((3, _CHUNK), dtype=np.float32)
    part = np.empty((hidden, _CHUNK), dtype=np.float32)
    total = np.empty(samples, dtype=np.float32)
    half, zero = np.float32(0.5), np.float32(0.0)
    for start in range(0, n, _CHUNK):
        size = min(_CHUNK, n - start)
        for h in range(hidden):
            part[h] = hidden_bias[h]
        for u in range(units):
            for g in range(3):
                line = gates[g]
                line[:] = gate_bias[g, u]
                for k in range(length):
                    weight, given = gate_weight[g, u, k], windows[k, start : start + size]
                    for w in range(size):
                        line[w] += weight * given[w]
            entry, candidate, output = gates[0], gates[1], gates[2]
            for w in range(size):
                cell = sigmoid(entry[w], half) * tanh(candidate[w])
                candidate[w] = sigmoid(output[w], half) * tanh(cell)
            for h in range(hidden):
                weight, line = window_weight[h, u], part[h]
                for w in range(size):
                    line[w] += weight * candidate[w]
        for w in range(size):
            first = place[start + w]
            total[:] = level
            for h in range(hidden):
                weight, shift = output_weight[h], part[h, w]
                drawn = pool[h, first : first + samples]
                for b in range(samples):
                    total[b] += weight * max(shift + drawn[b], zero)
            count = 0
            for b in range(samples):
                count += (1 if total[b] > zero else 0) - (1 if total[b] < zero else 0)
            out[start + w] = count
