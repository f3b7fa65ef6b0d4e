"""Simulated histories are measured as the data are: the data, taken for a history, measure as themselves."""

import numpy as np
import pytest

from engine.evaluation import distances
from engine.market.grid import CH2_GRID
from engine.models.simulated.market import simulate
from engine.studies.volgan import paths as volgan_paths
from engine.studies.volgan.forecasts import Paths, followed
from engine.studies.volgan.paths import PAIRS

HISTORY = simulate(CH2_GRID, 160, seed=5).history
ROWS = np.arange(40, 150)


@pytest.fixture(scope="module")
def reference() -> volgan_paths.Reference:
    return volgan_paths.reference(HISTORY, ROWS, followed(CH2_GRID))


def test_the_data_taken_for_a_history_measure_as_themselves(reference: volgan_paths.Reference) -> None:
    four = reference.four[None, None].astype(np.float32)
    paths = Paths(reference.moves[None, None].astype(np.float32), four[..., 2], four[..., 3])
    found = volgan_paths.measure(paths, reference)
    np.testing.assert_allclose(found.shares[0, 0], reference.components.explained[:3], rtol=1e-4)
    np.testing.assert_allclose(found.alignment[0, 0], 1, atol=1e-3)
    projected = reference.moves[:, 1:] @ reference.vectors.T
    for k in range(3):
        rho = np.corrcoef(reference.moves[:, 0], projected[:, k])[0, 1]
        assert found.with_return[0, 0, k] == pytest.approx(rho, abs=1e-5)
    for pair, (i, j) in enumerate(PAIRS):
        rho = np.corrcoef(reference.four[:, i], reference.four[:, j])[0, 1]
        assert found.pairs[0, 0, 0, pair] == pytest.approx(rho, abs=1e-5)
    np.testing.assert_allclose(found.tails[0, 0], volgan_paths.tail_fields(reference.four[:, 0]), rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(found.frequencies.sum(axis=-1), 1, rtol=1e-12)
    np.testing.assert_allclose(found.vectors[0], reference.vectors, atol=1e-3)  # signs too


def test_shares_and_alignment_are_those_of_the_library(reference: volgan_paths.Reference) -> None:
    rng = np.random.default_rng(0)
    moves = rng.standard_normal((2, 3, len(ROWS), 81)) * np.linspace(1, 3, 81)
    found = volgan_paths.measure(Paths(moves.astype(np.float32), moves[..., 1], moves[..., 2]), reference)
    for k in range(2):
        for draw in range(3):
            change = moves[k, draw, :, 1:].astype(np.float32).astype(np.float64)
            np.testing.assert_allclose(found.shares[k, draw], distances.explained(change, 3), rtol=1e-9)
            angle = distances.alignment(change, reference.moves[:, 1:], 3)
            np.testing.assert_allclose(found.alignment[k, draw], angle, atol=1e-6)


def test_the_test_part_is_the_days_after_each_row(reference: volgan_paths.Reference) -> None:
    change = np.log(HISTORY.iv[ROWS + 1]) - np.log(HISTORY.iv[ROWS])
    np.testing.assert_allclose(reference.moves[:, 1:], change.reshape(len(ROWS), -1), atol=1e-12)
    np.testing.assert_allclose(reference.moves[:, 0], np.log(HISTORY.spot[ROWS + 1] / HISTORY.spot[ROWS]), atol=1e-12)
    np.testing.assert_allclose(reference.four[:, 3], np.diff(np.log(HISTORY.vix[ROWS[0] : ROWS[-1] + 2])), atol=1e-12)
    atm = HISTORY.grid.interpolate(HISTORY.iv, 1.0, 1 / 12)
    np.testing.assert_allclose(reference.four[:, 2], np.log(atm[ROWS + 1] / atm[ROWS]), atol=1e-12)


def test_periods_are_the_first_and_the_last_year() -> None:
    four = np.random.default_rng(1).standard_normal((600, 4))
    periods = {"all": slice(None), "first year": slice(0, 252), "last year": slice(348, None)}
    found = volgan_paths.pair_correlations(four, periods)
    for p, part in enumerate((four, four[:252], four[-252:])):
        expected = [np.corrcoef(part[:, i], part[:, j])[0, 1] for i, j in PAIRS]
        np.testing.assert_allclose(found[p], expected, rtol=1e-12)


def test_end_bars_hold_what_lies_beyond() -> None:
    edges = np.linspace(-1, 1, 5)
    x = np.array([-7.0, -0.9, -0.2, 0.2, 0.3, 0.99, 1.0, 40.0])
    np.testing.assert_allclose(volgan_paths.frequencies(x, edges) * len(x), [2, 1, 2, 3])
