"""The members' corrections: what they may use, what shrinkage leaves, a planted effect found, stop and resume."""

import numpy as np
import pytest

from engine.errors import CheckpointError
from engine.models.conditional_fhs.two_speed_features import NAMES, SCALE_FEATURES, STATE_FEATURES, index_against
from engine.models.conditional_fhs.two_speed_training import MEMBERS, Shrinkage, learn, standardised
from engine.training.progress import TrainingStopped

NEVER = 1e12
ROWS, K = 400, 3


def planted(seed=0):
    """Factors whose second follows the index's 5-day trend, twice as wide where the premium is high."""
    rng = np.random.default_rng(seed)
    x = np.clip(rng.standard_normal((ROWS, len(NAMES))), -3, 3)
    factors = rng.standard_normal((ROWS, K))
    wide = x[:, NAMES.index(SCALE_FEATURES[2])]
    factors[:, 1] = 0.6 * x[:, NAMES.index(index_against(5))] + factors[:, 1] * np.exp(0.4 * wide)
    return x, factors


def learned(shrinkage=Shrinkage(20.0, 20.0, 10.0, 50.0, 5.0), identity="a", **kwargs):  # noqa: B008
    x, factors = planted()
    return learn(x, factors, np.ones(len(NAMES)), shrinkage, identity=identity, **kwargs)


def test_members_use_their_own_features_only():
    found = learned()[0]
    for i, member in enumerate(MEMBERS):
        others = ~np.isin(np.array(NAMES), member.features)
        assert not found.mean[i][others].any() and found.mean[i][~others].any()
        scaled = np.isin(np.array(NAMES), SCALE_FEATURES)
        assert not found.scale[i][~scaled].any() and found.scale[i].any() == member.scaled


def test_a_planted_mean_and_scale_are_found():
    found, _, losses = learned()
    by_name = dict(zip([m.label for m in MEMBERS], range(len(MEMBERS)), strict=True))
    trend = by_name["trend, learned scale"]
    assert found.mean[trend, NAMES.index(index_against(5)), 1] == pytest.approx(0.6, abs=0.15)
    assert found.scale[trend, NAMES.index(SCALE_FEATURES[2]), 1] == pytest.approx(0.4, abs=0.12)
    assert losses.argmin() == trend


def test_infinite_shrinkage_leaves_no_correction_but_intercepts():
    found = learned(Shrinkage(NEVER, NEVER, 1.0, NEVER, 5.0))[0]
    assert np.abs(found.mean).max() < 1e-6 and np.abs(found.scale).max() < 1e-6


def test_the_state_is_shrunk_in_its_own_units():
    x, factors = planted()
    factors[:, 1] += 0.5 * x[:, NAMES.index(STATE_FEATURES[0])]
    narrow, wide = np.ones(len(NAMES)), np.ones(len(NAMES))
    narrow[NAMES.index(STATE_FEATURES[0])] = 0.01  # it hardly varies, so a coefficient in its units would be large
    size = {}
    for name, spread in (("narrow", narrow), ("wide", wide)):
        found = learn(x, factors, spread, Shrinkage(20.0, 20.0, 10.0, 50.0, 5.0), identity="a")[0]
        size[name] = abs(found.mean[2, NAMES.index(STATE_FEATURES[0]), 1])
    assert size["narrow"] < 0.05 * size["wide"]


def test_standardised_features_are_clipped_except_the_state_s():
    features = np.full((1, len(NAMES)), 10.0)
    x = standardised(features, np.zeros(len(NAMES)), np.ones(len(NAMES)), 3.0)[0]
    state = np.isin(np.array(NAMES), STATE_FEATURES)
    assert (x[state] == 10).all() and (x[~state] == 3).all()
    still = standardised(features, np.zeros(len(NAMES)), np.zeros(len(NAMES)), 3.0)
    assert not still.any()  # a feature that never varied says nothing


class Memory:
    kept = None

    def load(self):
        return self.kept

    def save(self, state):
        self.kept = {name: array.copy() for name, array in state.items()}


def test_a_stopped_fit_goes_on_where_it_was():
    checkpointer, reports = Memory(), []
    with pytest.raises(TrainingStopped, match="1 of 4"):
        learned(checkpointer=checkpointer, on_step=lambda progress: True)
    resumed = learned(checkpointer=checkpointer, on_step=lambda progress: reports.append(progress))[0]
    whole = learned()[0]
    np.testing.assert_array_equal(resumed.mean, whole.mean)
    np.testing.assert_array_equal(resumed.scale, whole.scale)
    assert [report.done for report in reports] == [1, 2, 3, 4]
    with pytest.raises(CheckpointError, match="other data"):
        learned(checkpointer=checkpointer, identity="another fit")
    checkpointer.kept["two_speed.0"] = np.zeros(3)
    with pytest.raises(CheckpointError):
        learned(checkpointer=checkpointer)
