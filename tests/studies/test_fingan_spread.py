"""A seed of the Fin-GAN study trained in blocks elsewhere keeps the same bits."""

import pickle
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from fingan_market import prices

from engine.studies import fingan
from engine.studies.base import Work
from engine.studies.fingan import arrays, training
from engine.studies.fingan.universe import universe


def elsewhere(task: Callable[[Any], Any], blocks: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    """The last block first; what goes and comes back travels as it does between processes."""
    for position in reversed(range(len(blocks))):
        sent_task, block = pickle.loads(pickle.dumps((task, blocks[position])))
        yield position, pickle.loads(pickle.dumps(sent_task(block)))


def test_a_seed_trained_in_blocks_is_the_same_to_the_bit() -> None:
    config = fingan.Config(seeds=1, epochs=1, matching_epochs=1, samples=10, draws=100)
    found, here, there = universe(prices()), Work(), Work(run=elsewhere, spread=True)
    for work in (here, there):
        training.fingan_seed(found, config, 0, work)
    for name in (arrays.gan(0), arrays.forecasts(0)):
        kept, other = here.checkpointer(name).load(), there.checkpointer(name).load()
        assert kept is not None and other is not None and kept.keys() == other.keys()
        for key, array in kept.items():
            np.testing.assert_array_equal(array, other[key])
