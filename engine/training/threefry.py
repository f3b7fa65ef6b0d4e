"""Counter-based random numbers: what is drawn is a function of a key and a counter, so no state has to be kept.

A member's noise in update t is the same whoever trains beside it, on whichever thread, and after any interruption.
The block function is Threefry-4x32 with 12 rounds, the fewest that pass every test of BigCrush.

References:
    Salmon, Moraes, Dror and Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3"; Box and Muller (1958).
"""

from __future__ import annotations

import math
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import SettingsError
from engine.training.compiled import FAST, compiled

Words = NDArray[np.uint32]

ROUNDS = 12
NOISE, SHUFFLE, SAMPLES = 0, 1, 2
"""The counter's last word: what the numbers are for."""

_U32 = np.uint32
_PARITY = _U32(0x1BD11BDA)
_HALF, _ONE, _TWO = np.float32(0.5), np.float32(1), np.float32(2)
_ROOT_2, _LN2 = np.float32(math.sqrt(2)), np.float32(math.log(2))
_TURN = np.float32(math.pi / 2**32)
_L3, _L5, _L7, _L9 = (np.float32(2 / n) for n in (3, 5, 7, 9))
_S1, _S2, _S3, _S4, _S5 = (np.float32((-1) ** k / math.factorial(2 * k + 1)) for k in range(1, 6))
_C1, _C2, _C3, _C4, _C5, _C6 = (np.float32((-1) ** k / math.factorial(2 * k)) for k in range(1, 7))


def key(seed: int, *names: str) -> Words:
    """``(4,)`` the key of one stream, from the run's seed and what the stream belongs to.

    Raises:
        SettingsError: if the seed is negative.
    """
    if seed < 0:
        raise SettingsError(f"expected a seed >= 0; found {seed}")
    spawn = tuple(zlib.crc32(name.encode()) for name in names)
    words = np.random.SeedSequence(seed, spawn_key=spawn).generate_state(4, np.uint32)
    return words.astype(np.uint32)


@compiled(inside=True)
def _round(x0: Any, x1: Any, x2: Any, x3: Any, left: Any, right: Any) -> tuple[Any, Any, Any, Any]:
    x0, x2 = _U32(x0 + x1), _U32(x2 + x3)
    x1 = _U32(_U32(x1 << left) | _U32(x1 >> _U32(_U32(32) - left))) ^ x0
    x3 = _U32(_U32(x3 << right) | _U32(x3 >> _U32(_U32(32) - right))) ^ x2
    return x0, x3, x2, x1


@compiled(inside=True)
def _first_rounds(x0: Any, x1: Any, x2: Any, x3: Any) -> tuple[Any, Any, Any, Any]:
    x0, x1, x2, x3 = _round(x0, x1, x2, x3, _U32(10), _U32(26))
    x0, x1, x2, x3 = _round(x0, x1, x2, x3, _U32(11), _U32(21))
    x0, x1, x2, x3 = _round(x0, x1, x2, x3, _U32(13), _U32(27))
    return _round(x0, x1, x2, x3, _U32(23), _U32(5))


@compiled(inside=True)
def _second_rounds(x0: Any, x1: Any, x2: Any, x3: Any) -> tuple[Any, Any, Any, Any]:
    x0, x1, x2, x3 = _round(x0, x1, x2, x3, _U32(6), _U32(20))
    x0, x1, x2, x3 = _round(x0, x1, x2, x3, _U32(17), _U32(11))
    x0, x1, x2, x3 = _round(x0, x1, x2, x3, _U32(25), _U32(10))
    return _round(x0, x1, x2, x3, _U32(18), _U32(20))


@compiled(inside=True)
def threefry(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any, k2: Any, k3: Any) -> tuple[Any, Any, Any, Any]:
    """Four random words from a counter of four words and a key of four words (uint32, twelve rounds)."""
    k4 = _U32(_PARITY ^ k0 ^ k1 ^ k2 ^ k3)
    x0, x1, x2, x3 = _U32(c0 + k0), _U32(c1 + k1), _U32(c2 + k2), _U32(c3 + k3)
    x0, x1, x2, x3 = _first_rounds(x0, x1, x2, x3)
    x0, x1, x2, x3 = _U32(x0 + k1), _U32(x1 + k2), _U32(x2 + k3), _U32(_U32(x3 + k4) + _U32(1))
    x0, x1, x2, x3 = _second_rounds(x0, x1, x2, x3)
    x0, x1, x2, x3 = _U32(x0 + k2), _U32(x1 + k3), _U32(x2 + k4), _U32(_U32(x3 + k0) + _U32(2))
    x0, x1, x2, x3 = _first_rounds(x0, x1, x2, x3)
    return _U32(x0 + k3), _U32(x1 + k4), _U32(x2 + k0), _U32(_U32(x3 + k1) + _U32(3))


@compiled(*FAST, inside=True)
def _box_muller(first: Any, second: Any) -> tuple[Any, Any]:
    """Two standard normals from two words: sqrt(−2 ln u) · (cos φ, sin φ), φ uniform on a circle.

    ln u = e ln 2 + 2 artanh((m − 1)/(m + 1)) with u = m 2^e, 1/√2 ≤ m < √2; cosine and sine by their Taylor
    polynomials of half the angle and then doubled. All errors are below 1e-6.
    """
    uniform = np.float32(np.int32(first >> _U32(8)) + np.int32(1))  # 1 … 2^24
    bits = np.int32(uniform.view(np.int32))
    mantissa = np.int32((bits & np.int32(0x7FFFFF)) | np.int32(0x3F800000)).view(np.float32)
    exponent = np.float32(np.int32(bits >> np.int32(23)) - np.int32(127 + 24))
    high = mantissa > _ROOT_2
    mantissa = mantissa * _HALF if high else mantissa
    exponent = exponent + _ONE if high else exponent
    w = (mantissa - _ONE) / (mantissa + _ONE)
    ww = w * w
    log = exponent * _LN2 + w * (_TWO + ww * (_L3 + ww * (_L5 + ww * (_L7 + ww * _L9))))
    radius = np.float32(math.sqrt(-_TWO * log))
    half = np.float32(np.int32(second)) * _TURN  # (−π/2, π/2)
    hh = half * half
    sine = half * (_ONE + hh * (_S1 + hh * (_S2 + hh * (_S3 + hh * (_S4 + hh * _S5)))))
    cosine = _ONE + hh * (_C1 + hh * (_C2 + hh * (_C3 + hh * (_C4 + hh * (_C5 + hh * _C6)))))
    return radius * (_ONE - _TWO * sine * sine), radius * (_TWO * sine * cosine)


@compiled(*FAST)
def fill_normal(out: Any, key: Any, update: int, purpose: int, first: int = 0) -> None:
    """Standard normals into ``out`` ``(rows, lanes)``; the number at (row, lane) depends on the counter alone.

    Args:
        out: rows a multiple of four.
        key: ``(4,)`` from :func:`key`.
        update, purpose: the counter's last words.
        first: lane number of the first column.
    """
    k0, k1, k2, k3 = key[0], key[1], key[2], key[3]
    step, what = _U32(update), _U32(purpose)
    for block in range(out.shape[0] // 4):
        row0, row1, row2, row3 = out[4 * block], out[4 * block + 1], out[4 * block + 2], out[4 * block + 3]
        for lane in range(out.shape[1]):
            x0, x1, x2, x3 = threefry(_U32(first + lane), _U32(block), step, what, k0, k1, k2, k3)
            row0[lane], row1[lane] = _box_muller(x0, x1)
            row2[lane], row3[lane] = _box_muller(x2, x3)


@compiled()
def fill_order(order: Any, key: Any, epoch: int) -> None:
    """A random order of 0 … n−1 into ``order`` ``(n,)`` int32, by exchanges (Fisher and Yates)."""
    n = order.shape[0]
    for i in range(n):
        order[i] = i
    words = np.empty(4, np.uint32)
    for i in range(n - 1, 0, -1):
        at = n - 1 - i
        if at % 4 == 0:
            words[0], words[1], words[2], words[3] = threefry(
                _U32(at // 4), _U32(0), _U32(epoch), _U32(SHUFFLE), key[0], key[1], key[2], key[3]
            )
        j = (np.uint64(words[at % 4]) * np.uint64(i + 1)) >> np.uint64(32)
        order[i], order[j] = order[j], order[i]
