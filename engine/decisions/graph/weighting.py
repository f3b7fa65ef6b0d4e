"""GraFiN-Gen: every asset is forecast by a weighted vote of all generators (thesis chapter 6).

Generator j was trained on asset j, but can be asked about any asset's window a^i; its expected sign there is
s_j(a^i) = E sign g_j(a^i, Z). The bet on asset i is h_i = Σ_j w_ij s_j(a^i) with Σ_j |w_ij| = 1: row i of the graph.

Arrays: signs ``(assets, generators, times)``, returns ``(assets, times)``, weights ``(assets, generators)``. Everything
here learns from what it is given; that this is the validation part only is the caller's promise.

A graph may also be learned anew each month from what was known then, and bets may know what trading costs.

References:
    M. Vuletić (2025), thesis, chapter 6: (6.5), (6.10), Propositions 3 and 4, (6.20), (6.21), Algorithm 3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.decisions import forecasting
from engine.decisions.forecasting import NoTrade
from engine.decisions.graph import regression
from engine.decisions.graph.regression import Mask
from engine.errors import MarketDataError, SettingsError
from engine.market.grid import Floats
from engine.market.surface_history import Dates

METHODS = ("identity", "correlation", "sharpe", "pnl_threshold", "pnl_max", "pnl_based", "lasso", "ridge")
"""The eight weightings of Table 6.2, in its order."""

GRIDS: dict[str, tuple[float, ...]] = {
    "pnl_threshold": (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
    "lasso": (1e-3, 1e-4, 1e-5, 1e-6),
    "ridge": (1e-3, 1e-4, 1e-5, 1e-6),
}
"""Hyperparameters that the thesis searches: c_ij in return units, penalties of (6.20) and (6.21)."""


def _weighted(w: Floats, s: Floats) -> Floats:
    """Σ_j w_ij s_ij(t), one asset after the other, so that no copy of all signs is made."""
    return np.stack([row @ np.asarray(own, dtype=np.float64) for row, own in zip(w, s, strict=True)])


VOTES: dict[str, Callable[[Floats, Floats], Floats]] = {
    "0": _weighted,
    "I": lambda w, s: np.sign(_weighted(w, s)),
    "II": lambda w, s: _weighted(w, np.sign(s)),
    "III": lambda w, s: np.sign(_weighted(w, np.sign(s))),
}
"""How bets are made of weights and signs (Table 6.5): "0" soft, "I" to "III" harder."""


def weights(
    method: str,
    signs: ArrayLike,
    returns: ArrayLike,
    eta: float | None = None,
    *,
    date: Dates | None = None,
    own: ArrayLike | None = None,
    allowed: Mask | None = None,
    positive: bool = False,
    l1_share: float = 1.0,
) -> Floats:
    """The graph that a method learns from signs and the returns that followed.

    identity: w_ii = 1. correlation: of the returns given. sharpe: w ∝ SR of s_j's PnL on asset i. With
    c_ij = Σ_t s_j(a^i_t) x^i_t (6.10): pnl_based w ∝ c (Prop. 4), pnl_threshold the same where |c| > η, pnl_max one-hot
    sign(c) at argmax |c| (Prop. 3; exact ties share equally). lasso (6.20) and ridge (6.21): w = λ/Σ|λ|.
    A row without any weight falls back to its own generator, w_ii = 1.

    Args:
        method: one of :data:`METHODS`.
        signs: ``(assets, generators, times)`` expected signs in [-1, 1].
        returns: ``(assets, times)`` log-returns that followed.
        eta: η of pnl_threshold (return units), lasso and ridge; None takes the value of :data:`GRIDS` with the best
            portfolio Sharpe ratio on the same data, as the thesis does.
        date: ``(times,)`` days; PnLs of a day are added before a Sharpe ratio is taken. None: each time is a day.
        own: ``(assets,)`` column of each asset's own generator; asset i's is i if None.
        allowed: ``(assets, generators)`` edges that may exist; all if None.
        positive: only w ≥ 0.
        l1_share: below 1, lasso is an elastic net (see :func:`engine.decisions.graph.regression.lasso`).

    Returns:
        ``(assets, generators)``, rows of absolute sum one.

    Raises:
        SettingsError: for an unknown method or a penalty that is none.
        MarketDataError: for arrays that do not fit each other or are not finite.
    """
    s, x = _checked(signs, returns)
    if eta is None and method in GRIDS:
        return choose(method, s, x, date=date, own=own, allowed=allowed, positive=positive, l1_share=l1_share).weights
    etas = () if eta is None else (eta,)
    return _path(method, s, x, etas, date, own, allowed, positive, l1_share)[0]


def path(
    method: str, signs: ArrayLike, returns: ArrayLike, etas: Sequence[float | None], *, date: Dates | None = None
) -> list[Floats]:
    """The graphs of one method for several hyperparameters; LASSO and Ridge share their Gram matrices.

    Args:
        method, signs, returns, date: as in :func:`weights`.
        etas: as many as graphs; None for a method without a hyperparameter.
    """
    s, x = _checked(signs, returns)
    return _path(method, s, x, [eta for eta in etas if eta is not None], date, None, None, False, 1.0)


def bets(weights: ArrayLike, signs: ArrayLike, vote: str = "0") -> Floats:
    """Bets h_i(t) = Σ_j w_ij s_j(a^i_t) (6.5), or harder votes.

    0: Σ w s · I: sign(Σ w s) · II: Σ w sign(s) · III: sign(Σ w sign(s)).

    Args:
        weights: ``(assets, generators)``.
        signs: ``(assets, generators, times)``.
        vote: one of :data:`VOTES`.

    Returns:
        ``(assets, times)`` in [-1, 1].

    Raises:
        SettingsError: for an unknown vote.
        MarketDataError: if shapes disagree.
    """
    w, s = np.asarray(weights, dtype=np.float64), np.asarray(signs)
    if vote not in VOTES:
        raise SettingsError(f"expected a vote among {', '.join(VOTES)}; found {vote[:20]!r}")
    if s.ndim != 3 or w.shape != s.shape[:2]:
        raise MarketDataError(
            f"expected weights (assets, generators) and signs (assets, generators, times); found {w.shape}, {s.shape}"
        )
    return VOTES[vote](w, s)


def signals(signs: ArrayLike, returns: ArrayLike) -> Floats:
    """c_ij = Σ_t s_j(a^i_t) x^i_t, the PnL of each generator on each asset in return units (6.10).

    Returns:
        ``(assets, generators)``.
    """
    s, x = _checked(signs, returns)
    c: Floats = np.einsum("ijt,it->ij", s, x)
    return c


def portfolio_sharpe(bet: ArrayLike, returns: ArrayLike, date: Dates | None = None) -> float:
    """Annualised Sharpe ratio of the equally weighted portfolio of all assets; NaN if it does not vary.

    Args:
        bet: ``(assets, times)``.
        returns: ``(assets, times)``.
        date: ``(times,)`` days; None: each time is a day.
    """
    pnl = np.asarray(bet, dtype=np.float64) * np.asarray(returns, dtype=np.float64)
    return float(forecasting.sharpe_ratio(forecasting.portfolio(_by_day(pnl, date))))


@dataclass(frozen=True, eq=False)
class Choice:
    """A hyperparameter, what each candidate reached, and the graph fitted with the chosen one on all the data.

    Args:
        eta: the chosen value.
        etas: candidates.
        sharpe: ``(candidates,)`` portfolio Sharpe ratio that decided; NaN where PnL does not vary.
        weights: ``(assets, generators)``.
    """

    eta: float
    etas: tuple[float, ...]
    sharpe: Floats
    weights: Floats


def choose(
    method: str,
    signs: ArrayLike,
    returns: ArrayLike,
    etas: Sequence[float] | None = None,
    *,
    date: Dates | None = None,
    holdout: float = 0.0,
    own: ArrayLike | None = None,
    allowed: Mask | None = None,
    positive: bool = False,
    l1_share: float = 1.0,
) -> Choice:
    """The hyperparameter with the best portfolio Sharpe ratio.

    With ``holdout`` 0 the candidates are compared on the data they were fitted to (the thesis's choice); with 0.2 they
    are fitted on the first 80 % of the times and compared on the last 20 %, then the best is fitted on all.

    Args:
        method: pnl_threshold, lasso or ridge.
        signs, returns, date, own, allowed, positive, l1_share: as in :func:`weights`.
        etas: candidates; those of the thesis if None.
        holdout: share of the times, at the end, on which candidates are compared.

    Raises:
        SettingsError: for a method without a hyperparameter, no candidates, or a share outside [0, 0.9].
        MarketDataError: for arrays that do not fit each other, or so few times that a part is empty.
    """
    if method not in GRIDS:
        raise SettingsError(f"expected a method with a hyperparameter, {', '.join(GRIDS)}; found {method[:40]!r}")
    candidates = tuple(GRIDS[method] if etas is None else etas)
    if not candidates or not 0 <= holdout <= 0.9:
        raise SettingsError(f"expected candidates and a holdout in [0, 0.9]; found {len(candidates)} and {holdout:g}")
    s, x = _checked(signs, returns)
    cut = len(x[0]) - round(holdout * len(x[0]))
    if cut < 2 or (holdout > 0 and len(x[0]) - cut < 2):
        raise MarketDataError(f"expected at least 2 times to fit and 2 to compare on; found {len(x[0])} in all")
    fit, test = slice(0, cut), slice(cut if holdout > 0 else 0, None)
    fit_date, test_date = (None if date is None else date[part] for part in (fit, test))
    fitted = _path(method, s[..., fit], x[:, fit], candidates, fit_date, own, allowed, positive, l1_share)
    sharpe = np.array([portfolio_sharpe(bets(w, s[..., test]), x[:, test], test_date) for w in fitted])
    best = int(np.argmax(np.nan_to_num(sharpe, nan=-np.inf)))
    if holdout > 0:
        chosen = _path(method, s, x, candidates[best : best + 1], date, own, allowed, positive, l1_share)[0]
    else:
        chosen = fitted[best]
    return Choice(candidates[best], candidates, sharpe, chosen)


def correlation(returns: ArrayLike) -> Floats:
    """The graph of the correlations of returns, rows normalised; the thesis takes training and validation part.

    Args:
        returns: ``(assets, times)``.

    Returns:
        ``(assets, assets)`` rows of absolute sum one.
    """
    x = np.asarray(returns, dtype=np.float64)
    centred = x - x.mean(axis=1, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    unit = centred / np.where(length > 0, length, 1.0)
    return normalised(unit @ unit.T)


def normalised(raw: ArrayLike, own: ArrayLike | None = None) -> Floats:
    """w_ij = λ_ij/Σ_k |λ_ik|; a row of zeros becomes its own generator, w_ii = 1.

    Args:
        raw: ``(assets, generators)`` λ, any common scale in a row.
        own: ``(assets,)`` column of each asset's own generator; asset i's is i if None.

    Raises:
        MarketDataError: if a row of zeros has no generator of its own.
    """
    values = np.asarray(raw, dtype=np.float64)
    largest = np.abs(values).max(axis=1, keepdims=True, initial=0.0)
    scaled = values / np.where(largest > 0, largest, 1.0)  # so that sums of tiny numbers do not underflow
    total = np.abs(scaled).sum(axis=1, keepdims=True)
    result: Floats = scaled / np.where(total > 0, total, 1.0)
    empty = np.flatnonzero(total[:, 0] == 0)
    if len(empty):
        result[empty, _own(values.shape, own)[empty]] = 1.0
    return result


def anchored(weights: ArrayLike, share: float, own: ArrayLike | None = None) -> Floats:
    """A graph of which a share stays with each asset's own generator: rows of θ w_ii = 1 and (1 − θ) w, normalised.

    An equal mixture of two forecasts is hard to beat, and a row learned from two years is a noisy one.

    Args:
        weights: ``(assets, generators)`` rows of absolute sum one.
        share: θ in [0, 1]; 0 leaves the graph as it is, 1 is identity.
        own: ``(assets,)`` column of each asset's own generator; asset i's is i if None.

    Returns:
        ``(assets, generators)`` rows of absolute sum one.

    Raises:
        SettingsError: if the share is outside [0, 1].

    References:
        Bates and Granger (1969); Timmermann (2006).
    """
    w = np.asarray(weights, dtype=np.float64)
    if not 0 <= share <= 1:
        raise SettingsError(f"expected a share of the own generator in [0, 1]; found {share:g}")
    if share == 0:
        return w
    mixed = (1 - share) * w
    mixed[np.arange(len(w)), _own(w.shape, own)] += share
    return normalised(mixed, own)


def _path(
    method: str,
    s: Floats,
    x: Floats,
    etas: Sequence[float],
    date: Dates | None,
    own: ArrayLike | None,
    allowed: Mask | None,
    positive: bool,
    l1_share: float,
) -> list[Floats]:
    """The graph for each hyperparameter; one graph where there is none."""
    if method not in METHODS:
        raise SettingsError(f"expected a method among {', '.join(METHODS)}; found {str(method)[:40]!r}")
    if allowed is not None and np.shape(allowed) != s.shape[:2]:
        raise MarketDataError(f"expected allowed edges of shape {s.shape[:2]}; found {np.shape(allowed)}")
    for eta in etas:
        if method in GRIDS and not (0 < eta < np.inf):
            raise SettingsError(f"expected η > 0; found {eta:g}")
    if not 0 <= l1_share <= 1:
        raise SettingsError(f"expected the share of the l1 penalty in [0, 1]; found {l1_share:g}")
    if method == "lasso":
        raw = list(regression.lasso(s, x, etas, allowed=allowed, l1_share=l1_share, positive=positive))
    elif method == "ridge":
        raw = list(regression.ridge(s, x, etas, allowed=allowed))
    else:
        raw = [_raw(method, s, x, eta, date, own) for eta in (etas if method in GRIDS else (0.0,))]
    return [normalised(_edges(edges, allowed, positive, method == "pnl_max"), own) for edges in raw]


def _raw(method: str, s: Floats, x: Floats, eta: float, date: Dates | None, own: ArrayLike | None) -> Floats:
    if method == "identity":
        raw = np.zeros(s.shape[:2])
        raw[np.arange(len(raw)), _own(raw.shape, own)] = 1.0
        return raw
    if method == "correlation":
        raw = np.zeros(s.shape[:2])
        raw[:, _own(raw.shape, own)] = correlation(x)
        return raw
    if method == "sharpe":
        pnl = np.stack([_by_day(row * r, date) for row, r in zip(s, x, strict=True)])
        return np.nan_to_num(forecasting.sharpe_ratio(pnl), nan=0.0)
    c = np.einsum("ijt,it->ij", s, x)
    return np.where(np.abs(c) > eta, c, 0.0)


def _edges(raw: Floats, allowed: Mask | None, positive: bool, strongest: bool) -> Floats:
    kept = raw if allowed is None else np.where(allowed, raw, 0.0)
    kept = np.maximum(kept, 0.0) if positive else kept
    if strongest:
        size = np.abs(kept)
        kept = np.where((size == size.max(axis=1, keepdims=True)) & (size > 0), np.sign(kept), 0.0)
    return kept


def _by_day(pnl: Floats, date: Dates | None) -> Floats:
    return pnl if date is None else forecasting.daily(pnl, date)[1]


def _own(shape: tuple[int, ...], own: ArrayLike | None) -> NDArray[np.intp]:
    assets, generators = shape
    columns = np.arange(assets) if own is None else np.asarray(own, dtype=np.intp)
    if columns.shape != (assets,) or (columns < 0).any() or (columns >= generators).any():
        raise MarketDataError(
            f"expected each of {assets} assets to have its own among {generators} generators; found none for some"
        )
    return columns


def _checked(signs: ArrayLike, returns: ArrayLike) -> tuple[Floats, Floats]:
    s, x = np.asarray(signs, dtype=np.float64), np.asarray(returns, dtype=np.float64)
    if s.ndim != 3 or x.ndim != 2 or (s.shape[0], s.shape[2]) != x.shape or s.size == 0:
        raise MarketDataError(
            "expected signs (assets, generators, times) and returns (assets, times), none empty; "
            f"found {s.shape} and {x.shape}"
        )
    largest = max(float(s.max()), -float(s.min()))  # NaN if there is one; no copy of all signs
    if not (np.isfinite(largest) and np.isfinite(x).all()):
        raise MarketDataError("expected finite signs and returns; found NaN or infinite ones")
    if largest > 1 + 1e-9:
        raise MarketDataError(f"expected signs in [-1, 1]; found one of size {largest:g}")
    return s, x


BANDS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)
"""No-trade bands compared, shares of the notional."""


@dataclass(frozen=True, eq=False)
class RollingGraph:
    """A graph for each month, and the bets made with it.

    Args:
        first: ``(months,)`` position of each month's first time.
        weights: ``(months, assets, generators)`` learned from what lies before that position only.
        bets: ``(assets, times)`` from the first position on.
    """

    first: NDArray[np.intp]
    weights: Floats
    bets: Floats


def rolling(
    method: str,
    signs: ArrayLike,
    returns: ArrayLike,
    date: Dates,
    start: int,
    *,
    eta: float | None = None,
    memory: int | None = None,
    **options: Any,
) -> RollingGraph:
    """Weights learned anew at the start of each calendar month from all times before it.

    Args:
        method: as in :func:`weights`.
        signs: ``(assets, generators, times)``.
        returns: ``(assets, times)``.
        date: ``(times,)`` days, never falling.
        start: position of the first bet; everything before it is there to learn from.
        eta: hyperparameter; None searches it anew each month, on the past.
        memory: learn from the last so many times only; all if None.
        options: ``own``, ``allowed``, ``positive``, ``l1_share`` of the weights.

    Raises:
        MarketDataError: if there is nothing before the start, or nothing after it.
    """
    s, x = np.asarray(signs), np.asarray(returns, dtype=np.float64)
    days = np.asarray(date, dtype="datetime64[D]")
    if not 2 <= start < len(days) or days.shape != x.shape[1:]:
        raise MarketDataError(
            f"expected a start between 2 and {len(days) - 1} with a date for each time; found {start}"
        )
    month = days.astype("datetime64[M]")
    first = np.array([t for t in range(start, len(days)) if t == start or month[t] != month[t - 1]], dtype=np.intp)
    ends = [*first[1:], len(days)]
    learned, placed = [], []
    for begin, end in zip(first, ends, strict=True):
        past = slice(0 if memory is None else max(0, begin - memory), begin)
        w = weights(method, s[..., past], x[:, past], eta, date=days[past], **options)
        learned.append(w)
        placed.append(bets(w, s[..., begin:end]))
    return RollingGraph(first, np.stack(learned), np.concatenate(placed, axis=1))


def least_costly(
    bets: ArrayLike, returns: ArrayLike, cost: float, date: Dates | None = None, bands: Sequence[float] = BANDS
) -> tuple[NoTrade, Floats]:
    """The no-trade band with the best portfolio Sharpe ratio after costs, on the data it is given.

    Args:
        bets: ``(assets, times)``.
        returns: ``(assets, times)``.
        cost: basis points of what is traded, one way.
        date: ``(times,)`` days; None: each time is a day.
        bands: candidates.

    Returns:
        The rule, and ``(bands,)`` the ratio that each reached (NaN where nothing was traded).
    """
    reached = []
    for band in bands:
        net = forecasting.net_pnl(NoTrade(band=band).positions(bets), returns, cost)
        by_day = net if date is None else forecasting.daily(net, date)[1]
        reached.append(float(forecasting.sharpe_ratio(forecasting.portfolio(by_day))))
    best = int(np.argmax(np.nan_to_num(reached, nan=-np.inf)))
    return NoTrade(band=bands[best]), np.array(reached)
