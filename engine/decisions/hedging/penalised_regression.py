"""Least squares with absolute and square penalties and linear limits, exact on collinear columns of unlike cost.

    min_d  ‖y − X d‖²_w + Σ λ_i |d_i| + Σ ρ_i d_i²   subject to   C d ≤ h,

with observations centred (the intercept is free) and weighted. One Householder pass over the N observations leaves a
triangular factor of at most n + 1 rows, A = R_x and b = R_y, with ‖y − X d‖²_w = ‖b − A d‖²: every penalty, and every
portfolio hedged with the same instruments, is then a problem of that size, at the conditioning of X and not of X'X.

What is solved is the dual, a least-distance problem in the residual θ = b − A d and the multipliers μ of the limits:

    min ½‖θ − b‖² + h'μ   subject to   |A'θ − C'μ|_i ≤ λ_i/2,  μ ≥ 0,

whose Hessian is the identity however collinear the instruments are, so the dual active-set method of Goldfarb and
Idnani (``quadprog``) ends after a few pivots with the positions d as its multipliers; where rounding shows in them,
they are recomputed on the set of traded instruments by one more orthogonal factorisation. Coordinate descent on
cost-scaled columns does not converge here, and a quadratic programme in (d⁺, d⁻) has a singular Hessian.

References:
    Tibshirani, R. (1996), Regression shrinkage and selection via the lasso, JRSS B 58.
    Osborne, M., Presnell, B. and Turlach, B. (2000), On the lasso and its dual, JCGS 9.
    Goldfarb, D. and Idnani, A. (1983), A numerically stable dual method for strictly convex quadratic programs,
    Mathematical Programming 27.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

import numpy as np
import quadprog
from numpy.typing import NDArray
from scipy.optimize import linprog

from engine.errors import SettingsError
from engine.market.grid import Floats

Bools = NDArray[np.bool_]
T = TypeVar("T")

DEPENDENT = 1e-11
"""What is left of a column after the earlier ones, relative to its length, at which it counts as their combination."""

KKT_TOLERANCE = 1e-8
"""Largest violation of the optimality conditions with columns of unit length, relative to ‖b‖."""

_SOFTNESS, _MOST_ROUNDS, _FEASIBLE = 1e-6, 200, 1e-12
_STEADY = 1e-11  # the proximal weight in units of the squared columns
_CONSTANT = 1e-13  # changes this small beside their mean
_EXACT = 1e-13  # a violation this small is rounding
_QUIET = 1e-13  # a multiplier this small, relative to ‖b‖, is rounding
_LIFTS = (0.0, 1e-13, 1e-12, 1e-11, 1e-10, 1e-9)  # least penalties tried, relative to ‖b‖, all within KKT_TOLERANCE

_BADLY_CONDITIONED = "expected a problem that can be solved to rounding; found one too badly conditioned"


class Limits(NamedTuple):
    """Linear limits C d ≤ h.

    Args:
        rows: ``(k, n)``.
        bounds: ``(k,)``.
    """

    rows: Floats
    bounds: Floats


@dataclass(frozen=True, eq=False)
class Compressed:
    """All that a weighted least-squares problem with an intercept needs to know of its observations.

    Args:
        x: ``(k, n)``, the factor of the columns.
        y: ``(k,)``, the factor of the response; ‖y − x d‖² is the mean squared error of d with the best intercept.
        mean_x: ``(n,)`` weighted means of the columns.
        mean_y: of the response.
        prepared: what was worked out from the columns alone, shared by every response to them.
    """

    x: Floats
    y: Floats
    mean_x: Floats
    mean_y: float
    prepared: dict[Any, Any] = field(default_factory=dict, repr=False)

    def mean_square(self, d: Floats) -> float:
        """Mean squared error of coefficients ``(n,)``."""
        rest = self.y - self.x @ d
        return float(rest @ rest)

    def intercept(self, d: Floats) -> float:
        """The intercept that goes with coefficients ``(n,)``: mean of y − X d."""
        return float(self.mean_y - self.mean_x @ d)

    def given(self, d: Floats) -> Compressed:
        """The problem left when coefficients ``(n,)`` are held already: its response is y − X d."""
        explained = self.x @ d
        rest = self.y - explained
        # what rounding leaves of a portfolio that is replicated already is no risk to hedge
        if np.abs(rest).max(initial=0.0) <= _EXACT * (np.abs(self.x) @ np.abs(d)).max(initial=0.0):
            rest = np.zeros_like(rest)
        return replace(self, y=rest, mean_y=self.intercept(d))

    def of(self, columns: NDArray[Any], response: Floats) -> Compressed:
        """The problem with some columns of this one as regressors and a combination ``(n,)`` of all as response."""
        return replace(self.part(columns), y=self.x @ response, mean_y=float(self.mean_x @ response))

    def part(self, columns: NDArray[Any]) -> Compressed:
        """The problem with some of the columns, given by position or by a mask."""
        x, mean_x, prepared = self.once(  # type: ignore[var-annotated]
            ("part", columns.dtype.kind, columns.tobytes()), lambda: (self.x[:, columns], self.mean_x[columns], {})
        )
        return Compressed(x, self.y, mean_x, self.mean_y, prepared)

    def once(self, key: Any, make: Callable[[], T]) -> T:
        """Something that depends on the columns only, made when first asked for."""
        if key not in self.prepared:
            self.prepared[key] = make()
        found: T = self.prepared[key]
        return found


def compress(x: Floats, y: Floats | None = None, weights: Floats | None = None) -> Compressed:
    """Reduce observations to their triangular factor.

    Args:
        x: ``(N, n)``.
        y: ``(N,)`` response; without one it is zero, to be set by :meth:`Compressed.of`.
        weights: ``(N,)`` ≥ 0, summing to one; equal if not given.
    """
    w = np.full(len(x), 1 / len(x)) if weights is None else weights
    both = x if y is None else np.column_stack([x, y])
    mean = w @ both
    centred = both - mean
    # a constant column less its mean is rounding, which no later step could tell from a small change
    centred[:, np.abs(centred).max(axis=0) <= _CONSTANT * np.abs(mean)] = 0.0
    factor: Floats = np.asarray(np.linalg.qr(centred * np.sqrt(w)[:, None], mode="r"))  # (min(N, n + 1), n + 1)
    if y is None:
        return Compressed(factor, np.zeros(len(factor)), mean, 0.0)
    return Compressed(factor[:, :-1], factor[:, -1], mean[:-1], float(mean[-1]))


def solve(problem: Compressed, penalty: Floats, ridge: Floats | None = None, limits: Limits | None = None) -> Floats:
    """The minimising coefficients.

    Args:
        problem: from :func:`compress`.
        penalty: ``(n,)`` λ ≥ 0 per unit of |d_i|; a column with λ_i = 0 is not penalised.
        ridge: ``(n,)`` ρ ≥ 0 per unit of d_i².
        limits: C d ≤ h.

    Returns:
        ``(n,)`` d; exactly 0 where nothing is traded.

    Raises:
        SettingsError: if a column is zero, free columns are collinear, or no coefficients keep to the limits.
    """
    if limits is not None and len(limits.bounds):
        regressors, response = _regressors(problem, penalty == 0, ridge)
        held = _checked_limits(limits, regressors.length)
        return _limited(regressors, response, penalty, held) / regressors.length
    found: Floats = solve_path(problem, penalty[None], ridge)[0]
    return found


def solve_path(problem: Compressed, penalties: Floats, ridge: Floats | None = None) -> Floats:
    """The minimising coefficients for each of several sets of penalties.

    Args:
        problem: from :func:`compress`.
        penalties: ``(m, n)`` λ ≥ 0; the same columns are free (λ_i = 0) in every row.
        ridge: ``(n,)`` ρ ≥ 0 per unit of d_i².

    Returns:
        ``(m, n)``.

    Raises:
        SettingsError: if a column is zero, or free columns are collinear.
    """
    regressors, response = _regressors(problem, penalties[0] == 0, ridge)
    length = regressors.length
    return np.stack([regressors.lasso(response, penalty / length / 2) for penalty in penalties]) / length


def _regressors(problem: Compressed, free: Bools, ridge: Floats | None) -> tuple[_Regressors, Floats]:
    if ridge is None or not np.any(ridge > 0):
        return problem.once(("regressors", free.tobytes()), lambda: _Regressors.of(problem.x, free)), problem.y
    a = np.concatenate([problem.x, np.diag(np.sqrt(ridge))])
    return _Regressors.of(a, free), np.concatenate([problem.y, np.zeros(len(ridge))])


@dataclass(frozen=True, eq=False)
class _Regressors:
    """Columns of unit length, and the free ones partialled out of the others."""

    a: Floats
    length: Floats
    free: Bools
    basis: Floats  # orthonormal, spans the free columns
    triangle: Floats  # the free columns in that basis
    normals: Floats  # the penalised columns less their projection, then the same with the sign turned

    @classmethod
    def of(cls, x: Floats, free: Bools) -> _Regressors:
        length = np.sqrt(np.square(x).sum(axis=0))
        if not length.min(initial=np.inf) > 0:
            raise SettingsError(f"expected columns that vary; found column {int(length.argmin())} constant")
        a = x / length
        redundant = dependent(a[:, free])
        if redundant.any():
            raise SettingsError(
                "expected free columns that are linearly independent; found column "
                f"{int(np.flatnonzero(free)[redundant.argmax()])} a combination of the others"
            )
        basis, triangle = np.linalg.qr(a[:, free])
        bound = a[:, ~free] - basis @ (basis.T @ a[:, ~free])
        return cls(a, length, free, basis, triangle, np.concatenate([bound, -bound], axis=1))

    def lasso(self, b: Floats, half: Floats) -> Floats:
        """Coefficients of the unit columns for a response and penalties 2·half.

        Penalties below rounding leave the two sides of a bound on top of each other, which the active-set method may
        take for a contradiction; they are lifted then, and the positions recomputed with the true ones.
        """
        size = np.sqrt(b @ b)
        for lift in _LIFTS:
            u = self._by_dual(b, np.maximum(half, lift * size))
            if u is None:
                continue
            gap = _violation(self.a, b, half, u)
            if gap <= _EXACT:
                return u
            polished = self._on(b, self.free | (u != 0), np.sign(u), half)
            if polished is not None and _violation(self.a, b, half, polished) <= min(gap, KKT_TOLERANCE):
                return polished
            if gap <= KKT_TOLERANCE:
                return u
        raise SettingsError(_BADLY_CONDITIONED)

    def _by_dual(self, b: Floats, half: Floats) -> Floats | None:
        """Coefficients as multipliers of the dual; None where the active-set method finds a contradiction."""
        u = np.zeros(len(half))
        explained = self.basis.T @ b
        if self.normals.shape[1]:
            side = np.tile(-half[~self.free], 2)
            rest = b - self.basis @ explained
            try:
                pressure = quadprog.solve_qp(np.eye(len(b)), rest, self.normals, side, 0)[4]
            except ValueError:
                return None
            below, above = np.split(pressure, 2)
            u[~self.free] = _clean(above - below, b)
        if len(explained):
            u[self.free] = np.linalg.solve(self.triangle, explained - self.basis.T @ (self.a @ u))
        return u

    def _on(self, b: Floats, active: Bools, sign: Floats, half: Floats) -> Floats | None:
        """The stationary point on a set of columns with given signs, A'A u = A'b − s·half; None if there is none."""
        u = np.zeros(len(half))
        if not active.any():
            return u
        q, r = np.linalg.qr(self.a[:, active])
        if not np.abs(np.diag(r)).min() > DEPENDENT:
            return None
        found = np.linalg.solve(r, q.T @ b - np.linalg.solve(r.T, (sign * half)[active]))
        u[active] = found
        return u if np.all((sign[active] == 0) | (np.sign(found) == sign[active])) else None


def dependent(a: Floats) -> Bools:
    """Which columns are combinations of those before them, to ``DEPENDENT`` of their length."""
    found = np.zeros(a.shape[1], dtype=bool)
    basis = np.zeros((len(a), 0))
    for k, column in enumerate(a.T):
        size = np.sqrt(column @ column)
        rest = column
        for _ in range(2):  # once more for what rounding left
            rest = rest - basis @ (basis.T @ rest)
        left = np.sqrt(rest @ rest)
        found[k] = not left > DEPENDENT * size
        if not found[k]:
            basis = np.column_stack([basis, rest / left])
    return found


def _violation(a: Floats, b: Floats, half: Floats, u: Floats) -> float:
    """Largest violation of the optimality conditions for columns of unit length, relative to ‖b‖."""
    slope = a.T @ (b - a @ u)
    gap = np.where(u != 0, np.abs(slope - half * np.sign(u)), np.maximum(np.abs(slope) - half, 0)).max(initial=0.0)
    size = np.sqrt(b @ b)
    return float(2 * gap / size) if size > 0 else float(gap)


def _clean(u: Floats, b: Floats) -> Floats:
    """Multipliers that are only rounding set to zero."""
    return np.where(np.abs(u) <= _QUIET * np.sqrt(b @ b), 0.0, u)


def _checked_limits(limits: Limits, length: Floats) -> Limits:
    rows = limits.rows / length
    size = np.sqrt(np.square(rows).sum(axis=1))
    if not size.min() > 0:
        raise SettingsError("expected limits that some instrument can change; found one that none does")
    scaled = Limits(rows / size[:, None], limits.bounds / size)
    n = rows.shape[1]
    if linprog(np.zeros(n), A_ub=scaled.rows, b_ub=scaled.bounds, bounds=(None, None)).status == 2:
        raise SettingsError("expected limits that some hedge can keep to; found limits that exclude each other")
    return scaled


def _limited(regressors: _Regressors, b: Floats, penalty: Floats, limits: Limits) -> Floats:
    """Coefficients under limits, by proximal steps on the limits' multipliers.

    The dual's Hessian is zero in μ; each round adds ½ε‖μ − μ_k‖², and they end where the limits hold to rounding.
    """
    a, free, half = regressors.a, regressors.free, penalty / regressors.length / 2
    k, n_limits, n_free = len(b), len(limits.bounds), int(free.sum())
    hessian = np.diag(np.concatenate([np.ones(k), np.full(n_limits, _SOFTNESS)]))
    stacked = np.concatenate([a, -limits.rows])  # (k + limits, n)
    bound = stacked[:, ~free]
    positive = np.concatenate([np.zeros((k, n_limits)), np.eye(n_limits)])
    normals = np.concatenate([stacked[:, free], bound, -bound, positive], axis=1)
    sides = np.concatenate([np.zeros(n_free), -half[~free], -half[~free], np.zeros(n_limits)])
    slack = _FEASIBLE * (np.sqrt(b @ b) + np.abs(limits.bounds))
    mu = np.zeros(n_limits)
    for _ in range(_MOST_ROUNDS):
        target = np.concatenate([b, _SOFTNESS * mu - limits.bounds])
        try:
            found = quadprog.solve_qp(hessian, target, normals, sides, n_free)
        except ValueError:
            break
        mu = np.maximum(found[0][k:], 0.0)
        below, above = np.split(found[4][n_free : n_free + 2 * bound.shape[1]], 2)
        u = np.zeros(len(half))
        u[~free] = _clean(above - below, b)
        if n_free:
            u[free] = np.linalg.lstsq(a[:, free], b - found[0][:k] - a @ u, rcond=None)[0]
        if np.all(limits.rows @ u - limits.bounds <= slack):
            return u
    return _limited_primal(a, b, half, limits)


def _limited_primal(a: Floats, b: Floats, half: Floats, limits: Limits) -> Floats:
    """The same by proximal steps on the purchases and sales u = v⁺ − v⁻, where the dual's rounds do not end.

    Every step keeps to the limits; what the steps leave open are combinations that change nothing that is seen.
    """
    n = a.shape[1]
    both = np.concatenate([a, -a], axis=1)
    hessian = both.T @ both + _STEADY * np.eye(2 * n)
    gain = both.T @ b - np.tile(half, 2)
    normals = np.concatenate([-np.concatenate([limits.rows, -limits.rows], axis=1).T, np.eye(2 * n)], axis=1)
    sides = np.concatenate([-limits.bounds, np.zeros(2 * n)])
    v, reached, enough = np.zeros(2 * n), np.inf, _EXACT * float(b @ b)
    for _ in range(_MOST_ROUNDS):
        try:
            found = quadprog.solve_qp(hessian, gain + _STEADY * v, normals, sides, 0)
        except ValueError:
            raise SettingsError(_BADLY_CONDITIONED) from None
        v = np.where(found[4][len(limits.bounds) :] > 0, 0.0, found[0])
        rest = b - both @ v
        objective = float(rest @ rest + 2 * np.tile(half, 2) @ np.abs(v))
        if reached - objective <= enough:
            break
        reached = objective
    u: Floats = v[:n] - v[n:]
    return u
