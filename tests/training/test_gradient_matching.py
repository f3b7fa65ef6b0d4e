"""Coefficients from gradient norms, longhand."""

import numpy as np
import pytest

from engine.errors import CheckpointError
from engine.training.gradient_matching import GradientNorms
from engine.training.progress import TrainingDiverged


def recorded(updates=5, members=3, seed=0) -> GradientNorms:
    norms = GradientNorms(("bce", "smooth", "calendar"), members)
    for row in np.random.default_rng(seed).uniform(0.1, 2, (updates, 3, members)):
        norms.record(row)
    return norms


def test_a_coefficient_is_the_mean_of_ratios_and_not_the_ratio_of_means():
    norms = recorded()
    expected = np.zeros((2, 3))
    for member in range(3):
        for term in (1, 2):
            for update in norms.norms:
                expected[term - 1, member] += update[0, member] / update[term, member] / 5
    np.testing.assert_allclose(norms.coefficients(), expected, rtol=1e-13)
    means = norms.norms.mean(axis=0)
    assert np.abs(expected - means[0] / means[1:]).max() > 0.01


def test_scaling_a_term_scales_its_coefficient_inversely():
    norms, scaled = recorded(), GradientNorms(("bce", "smooth", "calendar"), 3)
    for update in norms.norms:
        scaled.record(update * np.array([[1], [10], [1]]))
    np.testing.assert_allclose(scaled.coefficients(), norms.coefficients() / [[10], [1]], rtol=1e-13)


def test_restoring_continues_the_record():
    norms, other = recorded(), GradientNorms(("bce", "smooth", "calendar"), 3)
    other.restore(norms.norms[:2])
    for update in norms.norms[2:]:
        other.record(update)
    np.testing.assert_array_equal(other.coefficients(), norms.coefficients())


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_a_norm_that_gives_no_ratio_is_said(value):
    norms = recorded()
    norms.record(np.array([[1.0] * 3, [value] * 3, [1.0] * 3]))
    with pytest.raises(TrainingDiverged, match="finite and > 0"):
        norms.coefficients()


def test_no_update_gives_no_coefficient():
    with pytest.raises(TrainingDiverged, match="in 0 updates"):
        GradientNorms(("bce", "smooth"), 2).coefficients()


def test_norms_of_other_terms_are_refused():
    with pytest.raises(CheckpointError, match="gradient norms of shape"):
        GradientNorms(("bce", "smooth"), 3).restore(recorded().norms)
