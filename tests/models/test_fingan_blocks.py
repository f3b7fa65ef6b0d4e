import numpy as np
import pytest

from engine.errors import SettingsError
from engine.models.fingan import training as fingan_blocks
from engine.models.fingan import training as fingan_training
from engine.models.fingan.networks import Asset, FinGANConfig

LOSSES = ("PnL", "BCE")


def assets(names="ABC", rows=160):
    found = []
    for k, name in enumerate(names):
        x = 0.01 * np.random.default_rng(k).standard_t(4, (rows, 11))
        found.append(Asset(name, x[:, :10], x[:, 10]))
    return found


def backwards(task, blocks):
    """Whoever is free: the last block first."""
    return ((k, task(blocks[k])) for k in reversed(range(len(blocks))))


def test_blocks_give_the_bits_of_one_stack():
    config = FinGANConfig(epochs=2, matching_epochs=1)
    whole = fingan_training.train(assets(), config, seeds=(3, 5), losses=LOSSES)
    blocks = fingan_blocks.train_in_blocks(assets(), config, seeds=(3, 5), losses=LOSSES, run=backwards, size=2)
    assert blocks.generators.members == whole.generators.members and blocks.epochs == whole.epochs
    for name in ("discriminators", "coefficients", "report"):
        np.testing.assert_array_equal(getattr(blocks, name), getattr(whole, name))
    np.testing.assert_array_equal(blocks.generators.weights, whole.generators.weights)
    np.testing.assert_array_equal(blocks.generators.scale, whole.generators.scale)
    assert blocks.norms.keys() == whole.norms.keys()
    for pair, norms in whole.norms.items():
        np.testing.assert_array_equal(blocks.norms[pair], norms)


def test_assets_of_one_name_are_refused_before_anything_is_trained():
    def nobody(task, blocks):
        raise AssertionError("trained")

    with pytest.raises(SettingsError, match="expected distinct assets"):
        fingan_blocks.train_in_blocks(assets("AA"), run=nobody)
