"""The compiled inner loops of the graph: coordinate descent on Gram matrices, and signs of generated returns.

A row of the graph is one regression with J generators as features. All it needs of its T observations is the Gram
matrix ``(J, J)`` and the correlations with the target ``(J,)``; both are computed once and serve every penalty. The
loops release the interpreter lock and share nothing, so that threads may split the rows as they like.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.market.grid import Floats
from engine.models.fingan.recurrent_kernels import sigmoid, tanh
from engine.training.compiled import compiled

LARGEST_PASSES = 2_000
"""Rounds of (all coordinates, active set, direct solve) before a row is given up as not converged."""

_ACTIVE_SWEEPS = 40  # sweeps over the active set between two attempts at a direct solve
_PIVOT = 1e-11  # smaller relative pivots: the active generators are collinear, and only sweeps can go on

_CHUNK = 128  # windows at a time: their gates stay in the first-level cache


@compiled("contract")
def _shrunk(correlation: float, threshold: float, positive: bool) -> float:
    """Soft thresholding; with ``positive`` only its upper branch."""
    if correlation > threshold:
        return correlation - threshold
    if correlation < -threshold and not positive:
        return correlation + threshold
    return 0.0


@compiled("contract")
def _violation(gradient: float, value: float, threshold: float, positive: bool) -> float:
    """How far one coordinate is from optimal: ``gradient`` is b − Gλ − η₂λ there, η₁ the threshold."""
    if value > 0.0:
        return abs(gradient - threshold)
    if value < 0.0:
        return abs(gradient + threshold)
    excess = gradient if positive else abs(gradient)
    return max(0.0, excess - threshold)


@compiled("contract")
def _solve_active(
    gram: Floats, target: Floats, active: Any, size: int, sign: Floats, l1: float, l2: float, factor: Floats, x: Floats
) -> bool:
    """Solve (G_AA + η₂I) λ_A = b_A − η₁ sign by Cholesky into ``x``; False if G_AA is numerically singular."""
    for a in range(size):
        row = active[a]
        for c in range(a + 1):
            column = active[c]
            total = gram[row, column]
            if a == c:
                total += l2
            diagonal = total
            for k in range(c):
                total -= factor[a, k] * factor[c, k]
            if a == c:
                if not total > _PIVOT * diagonal:
                    return False
                factor[a, a] = np.sqrt(total)
            else:
                factor[a, c] = total / factor[c, c]
    for a in range(size):
        total = target[active[a]] - l1 * sign[active[a]]
        for k in range(a):
            total -= factor[a, k] * x[k]
        x[a] = total / factor[a, a]
    for back in range(size):
        a = size - 1 - back
        total = x[a]
        for k in range(a + 1, size):
            total -= factor[k, a] * x[k]
        x[a] = total / factor[a, a]
    return True


@compiled("contract", cache=True)
def penalised_rows(
    gram: Floats, target: Floats, allowed: Any, l1: Floats, l2: Floats, positive: bool, tolerance: float, out: Floats
) -> int:
    """min ½ λᵀGλ − bᵀλ + η₁ Σ|λ| + ½ η₂ Σλ² for every row and every penalty, warm-started from the penalty before.

    Cyclic coordinate descent over all coordinates finds the active set; sweeps restricted to it, and a Cholesky solve
    once its signs have settled, bring it to the optimum; a row is done when no coordinate violates the optimality
    conditions by more than ``tolerance`` times the largest |b|.

    Args:
        gram: ``(n, J, J)``.
        target: ``(n, J)`` b.
        allowed: ``(n, J)`` bool, coordinates that may differ from zero.
        l1, l2: ``(K,)`` penalties, best in falling order.
        positive: only λ ≥ 0.
        tolerance: relative to the row's largest |b|.
        out: ``(K, n, J)`` receives λ.

    Returns:
        How many (row, penalty) pairs did not converge.
    """
    n, size = target.shape
    value, product = np.zeros(size), np.zeros(size)
    active = np.zeros(size, dtype=np.int64)
    factor, solved, sign = np.zeros((size, size)), np.zeros(size), np.zeros(size)
    failed = 0
    for row in range(n):
        matrix, b = gram[row], target[row]
        scale = 0.0
        for j in range(size):
            value[j] = 0.0
            product[j] = 0.0
            if allowed[row, j]:
                scale = max(scale, abs(b[j]))
        for k in range(l1.shape[0]):
            done = scale == 0.0
            for _ in range(LARGEST_PASSES):
                if done:
                    break
                count = 0
                for j in range(size):
                    if not allowed[row, j] or matrix[j, j] <= 0.0:
                        continue
                    old = value[j]
                    inner = b[j] - product[j] + matrix[j, j] * old
                    new = _shrunk(inner, l1[k], positive) / (matrix[j, j] + l2[k])
                    if new != old:
                        value[j] = new
                        step = new - old
                        for c in range(size):
                            product[c] += step * matrix[j, c]
                    if value[j] != 0.0:
                        active[count] = j
                        count += 1
                for _sweep in range(_ACTIVE_SWEEPS):
                    change = 0.0
                    for a in range(count):
                        j = active[a]
                        old = value[j]
                        inner = b[j] - product[j] + matrix[j, j] * old
                        new = _shrunk(inner, l1[k], positive) / (matrix[j, j] + l2[k])
                        if new != old:
                            value[j] = new
                            step = new - old
                            change = max(change, abs(step) * matrix[j, j])
                            for c in range(count):  # the others are set right below
                                product[active[c]] += step * matrix[j, active[c]]
                    if change <= 1e-3 * tolerance * scale:
                        break
                kept = 0
                for a in range(count):
                    j = active[a]
                    if value[j] != 0.0:
                        active[kept] = j
                        kept += 1
                        sign[j] = 1.0 if value[j] > 0.0 else -1.0
                if _solve_active(matrix, b, active, kept, sign, l1[k], l2[k], factor, solved):
                    same = True
                    for a in range(kept):
                        if solved[a] * sign[active[a]] <= 0.0:
                            same = False
                    if same:
                        for a in range(kept):
                            value[active[a]] = solved[a]
                for c in range(size):
                    product[c] = 0.0
                for a in range(kept):
                    j = active[a]
                    for c in range(size):
                        product[c] += value[j] * matrix[j, c]
                worst = 0.0
                for j in range(size):
                    if allowed[row, j]:
                        left = b[j] - product[j] - l2[k] * value[j]
                        worst = max(worst, _violation(left, value[j], l1[k], positive))
                done = worst <= tolerance * scale
            failed += 0 if done else 1
            out[k, row] = value
    return failed


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
