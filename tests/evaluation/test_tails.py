"""Tails against laws whose tails are known: exponential, Gaussian, Student; and against mirror images."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from engine.errors import MarketDataError
from engine.evaluation.tails import TAIL_SHARE, gaussian_shape, tail_shape


def test_an_exponential_tail_has_its_own_rate_and_a_coefficient_of_one() -> None:
    n = 200_000
    shape = tail_shape(np.random.default_rng(0).exponential(3.0, n))
    tail = TAIL_SHARE * n
    assert abs(shape.right_rate - 1) < 4 / math.sqrt(tail)  # memoryless: in units of sd the rate is one everywhere
    assert abs(shape.right_cv - 1) < 4 / math.sqrt(tail)
    assert shape.sd == pytest.approx(3.0, rel=4 * math.sqrt(2 / n)) and abs(shape.skewness - 2) < 0.1


def test_the_gaussian_of_the_closed_form_is_the_integral_and_the_sample() -> None:
    u = norm.ppf(1 - TAIL_SHARE)
    first, second = (quad(lambda z, p=p: (z - u) ** p * norm.pdf(z), u, 12)[0] / TAIL_SHARE for p in (1, 2))
    exact = gaussian_shape(0.1, 2.0)
    assert exact.right_rate == pytest.approx(1 / first, rel=1e-9)
    assert exact.left_cv == pytest.approx(math.sqrt(second - first**2) / first, rel=1e-9)
    n = 400_000
    found = tail_shape(np.random.default_rng(1).normal(0.1, 2.0, n))
    error = 1 / math.sqrt(TAIL_SHARE * n)
    assert abs(found.left_rate / exact.left_rate - 1) < 4 * error
    assert abs(found.right_cv - exact.right_cv) < 4 * error
    assert abs(found.excess_kurtosis) < 4 * math.sqrt(24 / n) and abs(found.skewness) < 4 * math.sqrt(6 / n)


def test_heavy_tails_have_a_coefficient_above_one() -> None:
    shape = tail_shape(np.random.default_rng(2).standard_t(3, 200_000))
    assert shape.left_cv > 1.1 and shape.right_cv > 1.1 and shape.left_rate < 2


def test_the_mirror_image_swaps_the_tails() -> None:
    x = np.random.default_rng(3).gamma(2.0, size=5000)
    there, back = tail_shape(x), tail_shape(7 - 5 * x)
    assert back.left_rate == pytest.approx(there.right_rate) and back.left_cv == pytest.approx(there.right_cv)
    assert back.skewness == pytest.approx(-there.skewness)
    assert back.excess_kurtosis == pytest.approx(there.excess_kurtosis)


@pytest.mark.parametrize(
    ("x", "sentence"),
    [(np.arange(19.0), "at least 20"), (np.full(50, 2.0), "that vary"), (np.append(np.arange(40.0), np.nan), "finite")],
)
def test_samples_without_tails_are_refused(x: np.ndarray, sentence: str) -> None:
    with pytest.raises(MarketDataError, match=sentence):
        tail_shape(x)
