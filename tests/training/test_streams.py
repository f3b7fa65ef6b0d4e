"""Random streams of a stack."""

import numpy as np
import pytest
import torch

from engine.errors import CheckpointError, SettingsError
from engine.training.streams import Streams


def draws(streams: Streams) -> np.ndarray:
    normal, uniform = torch.empty(len(streams), 40), torch.empty(len(streams), 7)
    streams.normal_(normal)
    streams.uniform_(uniform, 0.5)
    return torch.cat([normal, uniform, streams.permutations(9).float()], dim=1).numpy()


def test_a_member_draws_the_same_alone_and_in_a_stack():
    together = draws(Streams(7, range(4), "training"))
    np.testing.assert_array_equal(draws(Streams(7, [2], "training")), together[2:3])


def test_members_seeds_and_purposes_are_independent():
    base = draws(Streams(7, range(3), "training"))
    assert len(np.unique(base[:, :40])) == 120
    for other in (Streams(8, range(3), "training"), Streams(7, range(3), "initial weights")):
        assert not np.isin(draws(other)[:, :40], base).any()


def test_permutations_are_permutations():
    assert (Streams(0, range(5), "x").permutations(11).sort(dim=1).values == torch.arange(11)).all()


def test_state_is_where_the_streams_stand():
    streams = Streams(1, range(2), "x")
    draws(streams)
    state = streams.state()
    following = draws(streams)
    other = Streams(99, range(2), "y")
    other.restore(state)
    np.testing.assert_array_equal(draws(other), following)


@pytest.mark.parametrize("state", [np.zeros((2, 3), np.uint8), np.zeros((1, 5056), np.uint8), np.zeros((2, 5056))])
def test_bytes_that_are_no_state_are_refused(state):
    with pytest.raises(CheckpointError, match="random stream"):
        Streams(1, range(2), "x").restore(state)


def test_a_negative_seed_or_no_member_is_refused():
    with pytest.raises(SettingsError, match="seed >= 0; found -1"):
        Streams(-1, [0], "x")
    with pytest.raises(SettingsError, match="at least one member"):
        Streams(1, [], "x")
