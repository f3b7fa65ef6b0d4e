from pathlib import Path

import numpy as np
import pytest
from compute_tasks import Numbers, die, draw, networks, refuse

from engine.content import digest
from engine.decisions.graph import cross_evaluation as graph_cross
from engine.errors import JobError
from engine.runs import compute


def test_processes_give_what_one_process_gives(tmp_path: Path) -> None:
    blocks = [Numbers(seed) for seed in range(7)]
    alone = dict(compute.ProcessPool(1).run(draw, blocks))
    with compute.opened(workers=2) as run:
        spread = dict(run(draw, blocks))
    assert sorted(spread) == list(range(7))
    for position in range(7):
        np.testing.assert_array_equal(spread[position], alone[position])


def test_a_killed_process_costs_only_its_block(tmp_path: Path) -> None:
    blocks = [Numbers(seed, str(tmp_path), deadly=seed == 2) for seed in range(6)]
    with compute.opened(workers=2) as run:
        found = dict(run(draw, blocks))
        again = dict(run(draw, [Numbers(seed) for seed in range(3)]))  # the team goes on
    assert sorted(again) == [0, 1, 2]
    assert (tmp_path / "killed").exists()
    assert [len((tmp_path / f"done-{seed}").read_text()) for seed in range(6)] == [1] * 6
    for seed in range(6):
        np.testing.assert_array_equal(found[seed], draw(Numbers(seed)))


def test_a_block_that_kills_every_process_and_one_that_fails_are_said() -> None:
    with compute.opened(workers=2) as run:
        with pytest.raises(JobError, match="killed 4 times"):
            list(run(die, [1, 2]))
        with pytest.raises(ValueError, match=r"no [12]"):
            list(run(refuse, [1, 2]))


def test_a_dask_cluster_gives_the_same_bits_though_a_worker_is_killed(tmp_path: Path) -> None:
    blocks = [Numbers(seed, str(tmp_path), deadly=seed == 1) for seed in range(8)]
    windows = 0.01 * np.random.default_rng(0).standard_normal((4, 9, 10))
    with compute.opened("local:2") as run:
        found = dict(run(draw, blocks))
        signs = graph_cross.cross_sign_counts(networks(3), windows, 20, np.random.default_rng(1), run=run, block=2)
    here = graph_cross.cross_sign_counts(networks(3), windows, 20, np.random.default_rng(1))
    np.testing.assert_array_equal(signs, here)
    assert (tmp_path / "killed").exists()
    assert sorted(found) == list(range(8))
    for seed in range(8):
        np.testing.assert_array_equal(found[seed], draw(Numbers(seed)))


def test_what_is_kept_is_not_carried_out_again(tmp_path: Path) -> None:
    marks, kept = tmp_path / "marks", tmp_path / "kept"
    marks.mkdir()
    blocks = [Numbers(seed, str(marks)) for seed in range(4)]
    run = compute.ProcessPool(1).run

    first = compute.keeping(run, kept, digest)(draw, blocks)
    next(first), next(first)
    first.close()  # killed after two
    found = dict(compute.keeping(run, kept, digest)(draw, blocks))
    assert [len((marks / f"done-{seed}").read_text()) for seed in range(4)] == [1] * 4
    for seed in range(4):
        np.testing.assert_array_equal(found[seed], draw(Numbers(seed)))


def test_blocks_are_named_by_their_content() -> None:
    block = (np.arange(3.0), (1, "a"))
    assert digest(block) == digest((np.arange(3.0), (1, "a")))
    others = [(np.arange(3.0, dtype=np.float32), (1, "a")), (np.arange(3.0), (1, "b")), (np.arange(3.0), 1, "a")]
    assert len({digest(other) for other in [block, *others]}) == 4


@pytest.mark.parametrize("cluster", ["local:0", "local:x", "http://here:1", "tcp://", "tcp://a b:1", "7"])
def test_an_address_that_is_none_is_one_sentence(cluster: str) -> None:
    with pytest.raises(JobError, match="expected a cluster as local:N or tcp://host:port"), compute.opened(cluster):
        pass
