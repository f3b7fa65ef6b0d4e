"""The epoch loop, with a learner that only notes what it is told and draws from its streams."""

import numpy as np
import pytest
import torch

from engine.errors import CheckpointError, SettingsError
from engine.training.loop import Learner, Phase, run, shuffled
from engine.training.progress import TrainingDiverged, TrainingStopped
from engine.training.streams import Streams

PHASES = (Phase("warm-up", 2), Phase("training", 3))
ROWS, BATCH = 10, 4


class Noting(Learner):
    """Its only weight folds in every row, every draw and every phase, in order: any change of course shows."""

    def __init__(self, members=2, seed=5):
        self.streams = Streams(seed, range(members), "training")
        self.weight = torch.zeros(members, dtype=torch.float64)
        self.seen, self.begun = [], []
        self.loss = 1.0
        self.rows, self.batch_size = ROWS, BATCH

    def batches(self):
        return shuffled(self.streams, self.rows, self.batch_size)

    def begin_phase(self, phase):
        self.begun.append(phase)
        self.weight += 1

    def step(self, rows):
        noise = torch.empty(rows.shape)
        self.streams.normal_(noise)
        self.weight = 0.9 * self.weight + ((rows + noise) * torch.arange(1, rows.shape[1] + 1)).sum(dim=1)
        self.seen.append(rows.clone())

    def losses(self):
        return {"loss": self.loss}

    def state(self):
        return {"weight": self.weight.numpy().copy()}

    def restore(self, state):
        self.weight = torch.from_numpy(state["weight"].copy())


class Shelf:
    """A checkpointer in memory."""

    def __init__(self):
        self.kept, self.saves = None, 0

    def load(self):
        return self.kept

    def save(self, state):
        self.kept = {name: array.copy() for name, array in state.items()}
        self.saves += 1


def go(learner, **options):
    learner.rows, learner.batch_size = options.pop("rows", ROWS), options.pop("batch_size", BATCH)
    settings = {"identity": "a fit", "report_every": 0.0, **options}
    return run(learner, options.pop("phases", PHASES), **{k: v for k, v in settings.items() if k != "phases"})


def stop_after(steps):
    """An on_step that asks to stop at its n-th call; with report_every=0 that is after the n-th update."""
    calls = []

    def on_step(progress):
        calls.append(progress)
        return len(calls) == steps

    return on_step


def test_every_epoch_sees_every_row_once_in_an_order_of_each_members_own():
    learner = Noting()
    assert go(learner) == 15
    assert [rows.shape for rows in learner.seen[:3]] == [(2, 4), (2, 4), (2, 2)], "a smaller last batch, none empty"
    epochs = [torch.cat(learner.seen[i : i + 3], dim=1) for i in range(0, 15, 3)]
    for epoch in epochs:
        assert (epoch.sort(dim=1).values == torch.arange(ROWS)).all()
        assert not torch.equal(epoch[0], epoch[1])
    assert not torch.equal(epochs[0], epochs[1])


@pytest.mark.parametrize(("rows", "batch", "sizes"), [(8, 4, [4, 4]), (3, 100, [3]), (1, 1, [1]), (5, 4, [4, 1])])
def test_batches_are_never_empty(rows, batch, sizes):
    learner = Noting()
    go(learner, rows=rows, batch_size=batch, phases=(Phase("training", 1),))
    assert [seen.shape[1] for seen in learner.seen] == sizes


def test_phases_begin_in_order_and_progress_counts_epochs_over_all():
    learner, reports = Noting(), []
    go(learner, on_step=reports.append)
    assert learner.begun == ["warm-up", "training"]
    assert [(r.phase, r.done, r.total) for r in reports[2::3]] == [
        ("warm-up", 1, 5),
        ("warm-up", 2, 5),
        ("training", 3, 5),
        ("training", 4, 5),
        ("training", 5, 5),
    ]
    assert len(reports) == 15 and reports[0].losses == {"loss": 1.0}


def test_a_phase_of_no_epochs_is_skipped():
    learner = Noting()
    assert go(learner, phases=(Phase("warm-up", 0), Phase("training", 1))) == 3
    assert learner.begun == ["training"]


def test_between_reports_only_the_ends_of_phases_are_reported():
    reports = []
    go(Noting(), on_step=reports.append, report_every=1e6)
    assert [(report.phase, report.done) for report in reports] == [("warm-up", 2), ("training", 5)]


@pytest.mark.parametrize("steps", range(1, 15))
def test_a_resumed_run_ends_with_the_weights_of_an_undisturbed_one(steps):
    """Stopped after any update, in either phase, inside or between epochs."""
    undisturbed, shelf = Noting(), Shelf()
    go(undisturbed)
    with pytest.raises(TrainingStopped):
        go(Noting(), checkpointer=shelf, on_step=stop_after(steps))
    resumed = Noting()
    assert go(resumed, checkpointer=shelf) == 15
    assert torch.equal(resumed.weight, undisturbed.weight)
    assert len(resumed.seen) == 15 - steps
    np.testing.assert_array_equal(resumed.streams.state(), undisturbed.streams.state())


def test_many_stops_change_nothing():
    undisturbed, shelf, stops = Noting(), Shelf(), 0
    go(undisturbed)
    while True:
        last = Noting()
        try:
            go(last, checkpointer=shelf, on_step=stop_after(2))
            break
        except TrainingStopped:
            stops += 1
    assert stops == 7
    assert torch.equal(last.weight, undisturbed.weight)


def test_a_killed_run_resumes_from_its_last_kept_state():
    undisturbed, shelf = Noting(), Shelf()
    go(undisturbed)

    def killed(progress):
        if len(learner.seen) == 8:
            raise KeyboardInterrupt

    learner = Noting()
    with pytest.raises(KeyboardInterrupt):
        go(learner, checkpointer=shelf, on_step=killed, keep_every=0.0)
    assert shelf.saves == 7 - 1, "after every update but the phase's last, whose state begins the next phase"
    resumed = Noting()
    go(resumed, checkpointer=shelf)
    assert torch.equal(resumed.weight, undisturbed.weight)


def test_a_finished_run_is_kept_and_its_epochs_can_be_extended():
    longer, shelf, learner = Noting(), Shelf(), Noting()
    go(longer, phases=(PHASES[0], Phase("training", 6)))
    go(learner, checkpointer=shelf)
    again = Noting()
    assert go(again, checkpointer=shelf) == 15 and not again.seen
    assert torch.equal(again.weight, learner.weight)
    extended = Noting()
    assert go(extended, checkpointer=shelf, phases=(PHASES[0], Phase("training", 6))) == 24
    assert torch.equal(extended.weight, longer.weight)


def test_a_stop_asked_at_the_very_end_is_too_late():
    assert go(Noting(), on_step=stop_after(15)) == 15


def test_a_loss_that_is_not_finite_ends_the_run():
    learner = Noting()
    learner.loss = float("nan")
    with pytest.raises(TrainingDiverged, match=r"epoch 0 of warm-up: lower the learning rate"):
        go(learner)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda kept: kept.pop("loop.streams"), "interrupted fit"),
        (lambda kept: kept.update({"loop.position": np.array([1, 2])}), "interrupted fit"),
        (lambda kept: kept.update({"loop.position": np.array([1, 9, 3])}), "within 3 batches; found batch 9"),
        (lambda kept: kept.update({"loop.streams": kept["loop.streams"][:1]}), "2 random streams"),
    ],
)
def test_a_spoilt_state_is_refused(spoil, words):
    shelf = Shelf()
    with pytest.raises(TrainingStopped):
        go(Noting(), checkpointer=shelf, on_step=stop_after(4))
    spoil(shelf.kept)
    with pytest.raises(CheckpointError, match=words):
        go(Noting(), checkpointer=shelf)


def test_the_state_of_another_fit_is_refused():
    shelf = Shelf()
    go(Noting(), checkpointer=shelf)
    with pytest.raises(CheckpointError, match="other data, another seed or other settings"):
        go(Noting(), checkpointer=shelf, identity="another fit")


@pytest.mark.parametrize("options", [{"rows": 0}, {"batch_size": 0}])
def test_no_rows_are_refused(options):
    with pytest.raises(SettingsError, match="at least one training row"):
        go(Noting(), **options)


def test_the_threads_of_the_caller_come_back():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        go(Noting(), on_step=lambda progress: (torch.get_num_threads() != 1) or None)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
