"""The interval over networks: scipy's, right as often as promised, silent for one network."""

import numpy as np
import pytest
from scipy.stats import binom
from scipy.stats import t as student

from engine.errors import MarketDataError
from engine.evaluation.comparison import seeds_interval


def test_it_is_the_interval_of_the_t_test() -> None:
    x = np.random.default_rng(0).normal(2, 3, (5, 4))
    low, high = seeds_interval(x, 0.9)
    ends = student.interval(0.9, 4, loc=x.mean(axis=0), scale=x.std(axis=0, ddof=1) / np.sqrt(5))
    np.testing.assert_allclose((low, high), ends, rtol=1e-12)


def test_it_covers_the_mean_as_often_as_it_says() -> None:
    low, high = seeds_interval(np.random.default_rng(1).standard_normal((5, 2000)))
    covered = int(((low <= 0) & (high >= 0)).sum())
    assert binom.ppf(0.0005, 2000, 0.95) <= covered <= binom.ppf(0.9995, 2000, 0.95)


def test_one_network_says_nothing_of_the_others() -> None:
    assert np.isnan(seeds_interval([[0.3, 0.4]])).all()
    with pytest.raises(MarketDataError, match="at least one network"):
        seeds_interval(np.zeros((0, 3)))
