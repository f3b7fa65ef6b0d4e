"""The smoothest arbitrage-free surface through the quotes: one convex programme over all expiries.

Prices are undiscounted calls in units of the forward, c(k) = C/(D F), k = K/F. Each expiry i has a discrete law
w_i ≥ 0 on nodes x_j with Σ w = 1 and Σ w x = 1; seen through a narrow lognormal kernel of width s_j at each node,

    c_i(k) = Σ_j w_ij BS(x_j, k, s_j),

so c_i is convex and smooth, has slopes in [−1, 0] and lies above intrinsic value at *every* strike. The unknowns are
the prices c̃_ij = Σ_l w_il (x_l − x_j)⁺ of the discrete law, and everything asked of them is linear:

* w ≥ 0, which is convexity, the slopes and the bounds in one;
* c̃_i ≤ c̃_{i+1} at the nodes: order in maturity at equal forward moneyness;
* bid ≤ c_i(k) ≤ ask at the quotes, with a slack that costs more than any smoothness gains: where the quotes contradict
  each other the least total violation, in price (vega times vol), remains and is reported by quote.

Among all such surfaces the one of least curvature in vol is taken, Σ_i ∫ (∂²σ_i/∂z²)² dz with z = log k/(σ₀√τ); vol is
linearised in price by vega, and the quadratic programme is solved again at its own solution. It is solved by Clarabel,
an interior-point method; its answer, exact to about 1e-9, is then made exact: below a price of 1e-8, where the quotes
say nothing, it goes on as a power of k; each expiry takes the larger of its own price and of that of the expiry before;
and the greatest convex minorant is taken. Each of these steps keeps convexity and order.

Between expiries laws are filled in whose total variance is linear in time at each k, made exact in the same way, until
neighbours are within a tenth of each other in maturity; between those c is their convex combination, with weights that
make total variance at the money linear in time. So the whole surface is free of static arbitrage from the first expiry
to the last. Before and after them
vol is constant along z, an extrapolation.

References:
    Fengler, M. (2009), Arbitrage-free smoothing of the implied volatility surface, Quantitative Finance 9(4).
    Cohen, S., Reisinger, C. and Wang, S. (2020), Detecting and repairing arbitrage in traded option prices, Applied
    Mathematical Finance 27(5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.special import ndtr, ndtri

from engine.errors import MarketDataError
from engine.market.grid import LOWEST_IV, Floats
from engine.surfaces import black_scholes

NODE = 0.12
"""Spacing of the nodes at the money in units of σ₀√τ of the first expiry."""

GROWTH = 0.045
"""Spacing of the nodes in the wings, in units of |log k|."""

_OWN_NODE = 0.10  # an expiry uses nodes this far apart in units of its own σ₀√τ
_SAMPLE = 0.15  # spacing of z at which curvature is measured
_MARGIN = 2.0  # curvature is measured this far beyond the quotes, in z; nodes go half as far again
_SHRINK = 0.01  # share of the half-spread left free, so that what is found lies inside after rounding too
_SLACK_COST = 2e3  # of missing a quote, in units of σ₀√τ; far above what smoothness can gain
_SOFT = 1e-3  # of the vega at the money: below it a vol says little and its curvature counts less
_ROUNDS = 3
_TAIL = 1e-8  # out-of-the-money price below which the tail is a power
_NEAR = 1.1  # ratio of maturities up to which prices are mixed
_REACH = (0.05, 4.0)  # nodes in k
_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class Slice:
    """The quotes of one expiry in units of its forward.

    Args:
        maturity: years.
        k: ``(n,)`` K/F.
        low, high: ``(n,)`` bounds of the undiscounted call price over the forward.
        weight: ``(n,)`` > 0, what a violation costs relative to others.
    """

    maturity: float
    k: Floats
    low: Floats
    high: Floats
    weight: Floats


@dataclass(frozen=True, eq=False)
class CallSurface:
    """Normalised prices in forward moneyness and time, free of static arbitrage.

    Args:
        maturity: ``(n,)`` years, increasing.
        nodes: ``(m,)`` x.
        width: ``(m,)`` s.
        mass: ``(n, m)`` w, each row a law of mean one.
    """

    maturity: Floats
    nodes: Floats
    width: Floats
    mass: Floats

    def out_of_the_money(self, k: ArrayLike, maturity: ArrayLike) -> Floats:
        """Undiscounted price over the forward of the put below k = 1 and of the call from there on.

        Args:
            k: K/F.
            maturity: years; outside the expiries the law of the nearest is taken.
        """
        x, tau = np.broadcast_arrays(np.asarray(k, dtype=np.float64), np.asarray(maturity, dtype=np.float64))
        strikes, times = x.ravel(), tau.ravel()
        late = np.minimum(np.searchsorted(self.maturity, times, side="left"), len(self.maturity) - 1)
        early = np.maximum(late - 1, 0)
        share = self._share(times, early, late)[:, None]
        value = np.empty(strikes.size)
        for start in range(0, strikes.size, _BLOCK):
            part = slice(start, start + _BLOCK)
            mass = (1 - share[part]) * self.mass[early[part]] + share[part] * self.mass[late[part]]
            value[part] = np.einsum("pj,pj->p", _kernel(self.nodes, self.width, strikes[part], out=True), mass)
        return value.reshape(x.shape)

    def iv(self, k: ArrayLike, maturity: ArrayLike) -> Floats:
        """Implied vols; before the first and after the last expiry those of the same z = log k/√τ.

        Args:
            k: K/F, > 0.
            maturity: years, > 0.
        """
        x, tau = np.broadcast_arrays(np.asarray(k, dtype=np.float64), np.asarray(maturity, dtype=np.float64))
        inner = np.clip(tau, self.maturity[0], self.maturity[-1])
        seen = np.exp(np.log(x) * np.sqrt(inner / tau))
        vol = black_scholes.implied_vol(self.out_of_the_money(seen, inner), 1.0, seen, inner, 0.0, seen >= 1)
        found: Floats = np.where(vol > LOWEST_IV, vol, LOWEST_IV)
        return found

    def _share(self, times: Floats, early: NDArray[np.intp], late: NDArray[np.intp]) -> Floats:
        """Weight of the later expiry, with which total variance at the money is linear in time."""
        at = self.mass @ _kernel(self.nodes, self.width, np.ones(1), out=True)[0]  # (n,)
        total = 4 * ndtri((1 + at) / 2) ** 2
        apart = self.maturity[late] - self.maturity[early]
        u = np.clip((times - self.maturity[early]) / np.where(apart > 0, apart, 1.0), 0.0, 1.0)
        wanted = 2 * ndtr(np.sqrt((1 - u) * total[early] + u * total[late]) / 2) - 1
        rise = at[late] - at[early]
        share: Floats = np.where(rise > 1e-12, np.clip((wanted - at[early]) / np.where(rise > 0, rise, 1.0), 0, 1), u)
        return share


def fit(slices: Sequence[Slice]) -> CallSurface:
    """The smoothest arbitrage-free surface through the slices.

    Args:
        slices: of increasing maturity, each with a quote that has a vol.

    Raises:
        MarketDataError: if a slice has no quote with a vol, or the programme finds no answer.
    """
    first = [_first_vols(piece) for piece in slices]
    at_the_money = np.array([np.interp(0.0, x, vol) for x, vol in first])
    scale = np.maximum.accumulate(at_the_money * np.sqrt([piece.maturity for piece in slices]))  # σ₀√τ, (n,)
    ranges = _ranges(slices, scale)
    nodes, width = _nodes(NODE * scale[0])
    grids = [_subset(nodes, *(1.5 * _MARGIN * v, v), *ends) for v, ends in zip(scale, ranges, strict=True)]
    laws = [_Law(nodes[rows], width[rows]) for rows in grids]
    begin = np.append(0, np.cumsum([law.size for law in laws]))
    programme = _Programme(int(begin[-1]) + sum(len(piece.k) for piece in slices))
    slack = int(begin[-1])
    for i, (piece, law) in enumerate(zip(slices, laws, strict=True)):
        programme.at_least([(law.mass[0], begin[i])], -law.mass[1])
        matrix, constant = law.prices(piece.k)
        free = _SHRINK * (piece.high - piece.low) / 2
        one = sparse.eye(len(piece.k))
        programme.at_least([(matrix / scale[i], begin[i]), (one, slack)], (piece.low + free - constant) / scale[i])
        programme.at_least([(-matrix / scale[i], begin[i]), (one, slack)], (constant - piece.high + free) / scale[i])
        programme.at_least([(one, slack)], np.zeros(len(piece.k)))
        programme.cost[slack : slack + len(piece.k)] = _SLACK_COST * piece.weight
        slack += len(piece.k)
        if i:
            every = nodes[np.union1d(grids[i - 1], grids[i])]
            (early, base), (late, more) = (laws[j].node_prices(every) for j in (i - 1, i))
            programme.at_least(
                [(late / scale[i], begin[i]), (-early / scale[i], begin[i - 1])], (base - more) / scale[i]
            )
    samples = [_samples(ends, v) for ends, v in zip(ranges, scale, strict=True)]
    rows = [law.prices(np.exp(z * v)) for law, z, v in zip(laws, samples, scale, strict=True)]
    vols = [np.interp(z * v, x, vol) for z, v, (x, vol) in zip(samples, scale, first, strict=True)]
    for _ in range(_ROUNDS):
        curvature = []
        for i, (z, v, (matrix, constant)) in enumerate(zip(samples, scale, rows, strict=True)):
            k, tau = np.exp(z * v), slices[i].maturity
            steep = black_scholes.vega(1.0, k, tau, vols[i]) + _SOFT * np.sqrt(tau / (2 * np.pi))
            missing = constant - black_scholes.price(1.0, k, tau, vols[i])
            bend = _second_differences(z) * (np.sqrt(tau) / v)
            curvature.append((bend @ sparse.diags(1 / steep) @ matrix, begin[i], bend @ (vols[i] + missing / steep)))
        answer = programme.smoothest(curvature)
        for i, (z, v, (matrix, constant)) in enumerate(zip(samples, scale, rows, strict=True)):
            call = matrix @ answer[begin[i] : begin[i + 1]] + constant
            found = _vols(np.exp(z * v), call, slices[i].maturity)
            known = np.isfinite(found)
            if known.any():
                vols[i] = np.interp(z, z[known], found[known])
    values = [law.full(answer[begin[i] : begin[i + 1]], nodes) for i, law in enumerate(laws)]
    out = _exact_prices(nodes, np.stack(values))
    maturity, out = _filled(nodes, np.array([piece.maturity for piece in slices]), out)
    return CallSurface(maturity, nodes, width, np.stack([_mass(nodes, prices) for prices in out]))


class _Law:
    """A discrete law on its own nodes; its unknowns are the call prices at all nodes but the first and the last."""

    def __init__(self, x: Floats, width: Floats) -> None:
        self.x, self.width, self.size = x, width, len(x) - 2
        n = len(x)
        self._lift = sparse.eye(n, format="csr")[:, 1:-1]
        self._base = np.append(1 - x[0], np.zeros(n - 1))
        step = 1 / np.diff(x)
        slope = sparse.diags([-step, step], [0, 1], shape=(n - 1, n), format="csr")
        nothing = sparse.csr_matrix((1, n))
        slopes = sparse.vstack([nothing, slope, nothing], format="csr")  # −1 before the first node, 0 after the last
        self._to_mass = slopes[1:] - slopes[:-1]
        self._before = np.append(1.0, np.zeros(n - 1))
        self.mass = (self._to_mass @ self._lift, self._to_mass @ self._base + self._before)

    def node_prices(self, k: Floats) -> tuple[Any, Floats]:
        """Call prices of the discrete law, linear between its nodes: matrix and constant of the unknowns."""
        j = np.clip(np.searchsorted(self.x, k, side="right") - 1, 0, len(self.x) - 2)
        u = (k - self.x[j]) / (self.x[j + 1] - self.x[j])
        inside = (k >= self.x[0]) & (k <= self.x[-1])
        rows = np.arange(len(k))
        entries = np.concatenate([(1 - u) * inside, u * inside])
        at = (np.concatenate([rows, rows]), np.concatenate([j, j + 1]))
        line = sparse.coo_matrix((entries, at), shape=(len(k), len(self.x))).tocsr()
        return line @ self._lift, line @ self._base + np.where(k < self.x[0], 1 - k, 0.0)

    def prices(self, k: Floats) -> tuple[Any, Floats]:
        """Call prices seen through the kernel: those of the discrete law and, near each node, the corner rounded."""
        corner = _kernel(self.x, self.width, k, out=False) - np.maximum(self.x - k[:, None], 0)
        corner[np.abs(corner) < 1e-14] = 0.0
        rounding = sparse.csr_matrix(corner)
        line, constant = self.node_prices(k)
        return line + rounding @ self.mass[0], constant + rounding @ self.mass[1]

    def full(self, unknowns: Floats, nodes: Floats) -> Floats:
        """Call prices at all nodes."""
        line, constant = self.node_prices(nodes)
        full: Floats = line @ unknowns + constant
        return full


class _Programme:
    """min |B x + b|² + cost·x over A x ≥ a, put together block by block."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.cost = np.zeros(size)
        self._blocks: list[Any] = []
        self._bounds: list[Floats] = []

    def at_least(self, parts: Sequence[tuple[Any, int]], bound: Floats) -> None:
        """Σ M x[start:] ≥ bound."""
        self._blocks.append(sum(self._placed(matrix, int(start)) for matrix, start in parts))
        self._bounds.append(bound)

    def smoothest(self, curvature: Sequence[tuple[Any, int, Floats]]) -> Floats:
        """The answer for rows (matrix, start, constant) of B.

        Raises:
            MarketDataError: if the solver gives up.
        """
        import clarabel

        b = sparse.vstack([self._placed(matrix, int(start)) for matrix, start, _ in curvature], format="csc")
        constant = np.concatenate([constant for _, _, constant in curvature])
        quadratic = sparse.triu(2 * (b.T @ b) + 1e-9 * sparse.eye(self.size), format="csc")
        linear = self.cost + 2 * (b.T @ constant)
        a = -sparse.vstack(self._blocks, format="csc")
        settings = clarabel.DefaultSettings()
        settings.verbose, settings.max_threads = False, 1
        settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-9
        cones = [clarabel.NonnegativeConeT(a.shape[0])]
        solved = clarabel.DefaultSolver(quadratic, linear, a, -np.concatenate(self._bounds), cones, settings).solve()
        answer = np.array(solved.x)
        if str(solved.status) not in ("Solved", "AlmostSolved") or not np.isfinite(answer).all():
            raise MarketDataError(
                f"expected a smoothest arbitrage-free surface through the quotes; the solver stopped: {solved.status}"
            )
        return answer

    def _placed(self, matrix: Any, start: int) -> Any:
        m = sparse.coo_matrix(matrix)
        return sparse.csr_matrix((m.data, (m.row, m.col + start)), shape=(m.shape[0], self.size))


def _kernel(nodes: Floats, width: Floats, k: Floats, *, out: bool) -> Floats:
    """``(n_k, n_nodes)`` prices E(x e^{sZ − s²/2} − k)⁺; with ``out`` those of puts where k < 1."""
    put = (k < 1)[:, None] if out else np.zeros((len(k), 1), dtype=np.bool_)
    sign = np.where(put, -1.0, 1.0)
    strike = k[:, None]
    d = np.log(nodes / strike) / width
    value = sign * (nodes * ndtr(sign * (d + width / 2)) - strike * ndtr(sign * (d - width / 2)))
    floored: Floats = np.maximum(value, 0.0)
    return floored


def _vols(k: Floats, call: Floats, maturity: float) -> Floats:
    """Vols of normalised call prices; NaN where the out-of-the-money price is too small to have a sound one."""
    price = np.where(k < 1, call - 1 + k, call)
    vol = black_scholes.implied_vol(np.maximum(price, 1e-12), 1.0, k, maturity, 0.0, k >= 1)
    sound: Floats = np.where((price > _TAIL) & (vol > 0), vol, np.nan)
    return sound


def _first_vols(piece: Slice) -> tuple[Floats, Floats]:
    """log k and vol of the mids, by increasing k."""
    mid = (piece.low + piece.high) / 2
    vol = _vols(piece.k, mid, piece.maturity)
    known = np.flatnonzero(np.isfinite(vol))
    if not len(known):
        raise MarketDataError(
            f"expected a quote with an implied vol {365 * piece.maturity:.0f} days ahead; none of {len(mid)} has one"
        )
    order = known[np.argsort(piece.k[known], kind="stable")]
    return np.log(piece.k[order]), vol[order]


def _ranges(slices: Sequence[Slice], scale: Floats) -> list[tuple[float, float]]:
    """log k within which each expiry is quoted, no narrower than what any earlier one has, and ±1 σ₀√τ at least."""
    low = [min(float(np.log(piece.k.min())), -v) for piece, v in zip(slices, scale, strict=True)]
    high = [max(float(np.log(piece.k.max())), v) for piece, v in zip(slices, scale, strict=True)]
    return list(zip(np.minimum.accumulate(low), np.maximum.accumulate(high), strict=True))


def _samples(ends: tuple[float, float], v: float) -> Floats:
    """z at which curvature is measured."""
    low, high = ends[0] / v - _MARGIN, ends[1] / v + _MARGIN
    return np.linspace(low, high, int(np.ceil((high - low) / _SAMPLE)) + 1)


def _nodes(step: float) -> tuple[Floats, Floats]:
    """Nodes whose spacing in log k grows from ``step`` in proportion to |log k|, and the kernel widths: the spacing."""
    low, high = (int(np.ceil(np.arcsinh(GROWTH * abs(np.log(end)) / step) / GROWTH)) for end in _REACH)
    log_k = step / GROWTH * np.sinh(GROWTH * np.arange(-low, high + 1))
    return np.exp(log_k), np.hypot(step, GROWTH * log_k)


def _subset(nodes: Floats, margin: float, v: float, low: float, high: float) -> NDArray[np.intp]:
    """Nodes of one expiry: from the money outwards, no closer than ``_OWN_NODE`` and as far as the quotes and a margin
    go; ±6 σ₀√τ at least."""
    log_k = np.log(nodes)
    middle = int(np.abs(log_k).argmin())
    chosen = [middle]
    for way, end in ((-1, min(low - margin, -6 * v)), (1, max(high + margin, 6 * v))):
        last, j = middle, middle + way
        while 0 <= j < len(nodes):
            if abs(log_k[j] - log_k[last]) >= 0.999 * _OWN_NODE * v:
                chosen.append(j)
                last = j
                if way * (log_k[j] - end) > 0:
                    break
            j += way
    return np.sort(np.array(chosen, dtype=np.intp))


def _second_differences(z: Floats) -> Any:
    """∂²/∂z² at the inner points, times the root of the step: the sum of squares is the integral."""
    n, step = len(z), z[1] - z[0]
    ones = np.ones(n - 2)
    return sparse.diags([ones, -2 * ones, ones], [0, 1, 2], shape=(n - 2, n), format="csr") / step**1.5


def _exact_prices(nodes: Floats, call: Floats) -> Floats:
    """Out-of-the-money prices at the nodes, exactly convex and ordered, from nearly such call prices.

    Args:
        nodes: ``(m,)`` x.
        call: ``(n, m)`` by expiry.
    """
    put_side = nodes < 1
    out = np.maximum(np.where(put_side, call - (1 - nodes), call), 0.0)  # tails keep their relative precision
    out = np.maximum.accumulate(np.stack([_with_tails(nodes, row, put_side) for row in out]), axis=0)
    out[:, 0] = out[:, -1] = 0.0
    return np.stack([_convex(nodes, row) for row in out])


def _filled(nodes: Floats, maturity: Floats, out: Floats) -> tuple[Floats, Floats]:
    """More expiries between those that are far apart, with total variance linear in time at each node."""
    times, rows = [maturity[:1]], [out[:1]]
    for i in range(len(maturity) - 1):
        n = int(np.ceil(np.log(maturity[i + 1] / maturity[i]) / np.log(_NEAR)))
        if n > 1:
            between = np.geomspace(maturity[i], maturity[i + 1], n + 1)[1:-1]
            share = ((between - maturity[i]) / (maturity[i + 1] - maturity[i]))[:, None]
            early, late = out[i], out[i + 1]
            vols = black_scholes.implied_vol(np.stack([early, late]), 1.0, nodes, 1.0, 0.0, nodes >= 1)
            known = np.isfinite(vols).all(axis=0) & (early > 0)
            total = np.sqrt((1 - share) * vols[0] ** 2 + share * vols[1] ** 2)
            price = black_scholes.price(1.0, nodes, 1.0, np.where(known, total, 1.0), 0.0, nodes >= 1)
            mixed = (1 - share) * early + share * late
            price = np.clip(np.where(known, price, mixed), early, late)
            ordered = np.maximum.accumulate(price, axis=0)
            times.append(between)
            rows.append(np.stack([_convex(nodes, row) for row in ordered]))
        times.append(maturity[i + 1 : i + 2])
        rows.append(out[i + 1 : i + 2])
    return np.concatenate(times), np.concatenate(rows)


def _mass(nodes: Floats, out: Floats) -> Floats:
    """Weights of the law from out-of-the-money prices at its nodes."""
    middle = int(np.argmin(nodes < 1))  # the first node at or above one
    below = np.append(out[:middle], out[middle] - (1 - nodes[middle]))  # puts, up to the middle node
    puts = np.diff(below) / np.diff(nodes[: middle + 1])
    calls = 1 + np.diff(out[middle:]) / np.diff(nodes[middle:])
    mass: Floats = np.maximum(np.diff(np.concatenate([[0.0], puts, calls, [1.0]])), 0.0)
    return mass


def _convex(nodes: Floats, out: Floats) -> Floats:
    """Out-of-the-money prices whose calls are the greatest convex minorant of those given."""
    intrinsic = np.maximum(1 - nodes, 0.0)
    call = out + intrinsic
    corners: list[int] = []
    for j in range(len(nodes)):
        while len(corners) > 1:
            h, i = corners[-2:]
            if (call[i] - call[h]) * (nodes[j] - nodes[i]) <= (call[j] - call[i]) * (nodes[i] - nodes[h]):
                break
            corners.pop()
        corners.append(j)
    convex = np.interp(nodes, nodes[corners], call[corners]) - intrinsic
    convex[corners] = out[corners]  # not through the call price, whose rounding is larger than a price in the wing
    return np.maximum(convex, 0.0)


def _with_tails(nodes: Floats, out: Floats, put_side: NDArray[np.bool_]) -> Floats:
    """Powers of k beyond the outermost nodes whose price is above ``_TAIL``."""
    tailed = out.copy()
    for side, way in ((np.flatnonzero(put_side)[::-1], -1), (np.flatnonzero(~put_side), 1)):
        small = np.flatnonzero(out[side] <= _TAIL)
        if not len(small) or small[0] < 2:
            continue
        edge, inner = side[small[0] - 1], side[small[0] - 2]
        power = np.log(out[inner] / out[edge]) / np.log(nodes[inner] / nodes[edge])
        power = max(power, 1.0) if way < 0 else min(power, -1e-3)
        beyond = side[small[0] :]
        tailed[beyond] = out[edge] * (nodes[beyond] / nodes[edge]) ** power
    return tailed
