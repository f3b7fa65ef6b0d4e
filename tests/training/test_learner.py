"""What the learner of torch networks adds to the loop: schedule, clipping, averages, validation, several players."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from engine.errors import CheckpointError, SettingsError
from engine.training import loop
from engine.training.learner import Batch, Player, TorchLearner, load_tensors, training_rows
from engine.training.optimisation import Optimisation, average_decay, rate_factor
from engine.training.progress import TrainingDiverged, TrainingStopped

ROWS = 40
X = torch.randn(ROWS, 3, generator=torch.Generator().manual_seed(0))
SAME = X.repeat(2, 1)  # a validation part that says what the training part says


def squared(net, batch, rng):
    noise = 0.1 * torch.randn(batch.x.shape, generator=rng)
    return {"error": (net(batch.x + noise) - batch.x).square().mean(), "nothing": 0 * net.weight.sum()}


def learner(x=X, players=None, **settings):
    torch.manual_seed(0)
    net = nn.Linear(3, 3)
    chosen = {"epochs": 4, "batch_size": 10, "schedule": "constant", "warm_up": 0.0, "learning_rate": 1e-2}
    config = Optimisation(**{**chosen, **settings})
    made = players(net) if players else [Player("", list(net.parameters()), squared)]
    return TorchLearner(net, made, x, None, config, seed=0)


def run(one, epochs=None, **options):
    return loop.run(one, [loop.Phase("training", epochs or one.config.epochs)], identity="a fit", **options)


class Shelf:
    def __init__(self):
        self.kept = None

    def load(self):
        return self.kept

    def save(self, state):
        self.kept = {name: array.copy() for name, array in state.items()}


def same(one, other):
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


def test_batches_hold_every_row_once_and_are_of_nearly_one_size():
    one = learner(batch_size=18)
    rows = one.batches()
    assert [len(batch) for batch in rows] == [14, 13, 13]
    assert torch.equal(torch.cat(list(rows)).sort().values, torch.arange(ROWS))


def test_terms_are_added_and_reported_by_name():
    one = learner()
    assert run(one) == 16
    assert set(one.losses()) == {"error", "nothing"} and one.losses()["error"] > 0


def test_a_fit_is_that_of_torchs_own_optimiser():
    one, twin = learner(clip=0.0), learner()
    optimiser = torch.optim.AdamW(twin.net.parameters(), 1e-2, weight_decay=0.0)
    for _ in range(4):
        for rows in twin.batches():
            optimiser.zero_grad()
            sum(squared(twin.net, Batch(X[rows]), twin.streams.generators[0]).values()).backward()
            optimiser.step()
    run(one)
    for name, tensor in one.weights().items():
        torch.testing.assert_close(tensor, twin.net.state_dict()[name])


@pytest.mark.parametrize(("schedule", "end"), [("constant", 1.0), ("cosine", 0.0)])
def test_the_rate_warms_up_and_then_keeps_to_its_schedule(schedule, end):
    config = Optimisation(schedule=schedule, warm_up=0.25)
    found = np.array([rate_factor(config, step, 400) for step in range(401)])
    assert (np.diff(found[:101]) > 0).all() and found[0] == pytest.approx(1 / 101) and found[100] == 1
    assert found[400] == pytest.approx(end, abs=1e-12) and found[250] == pytest.approx((1 + end) / 2)
    one = learner(schedule=schedule, warm_up=0.25)
    rates = []
    for _ in range(4):
        for rows in one.batches():
            rates.append(one.optimisers[0].param_groups[0]["lr"])
            one.step(rows)
    np.testing.assert_allclose(rates, [1e-2 * rate_factor(one.config, step, 16) for step in range(16)])


def test_gradients_are_clipped():
    before = learner().net.weight.detach().clone()
    moved = {}
    for clip in (0.0, 1e-6):
        one = learner(clip=clip, optimiser="rmsprop", momentum=0.0, epochs=1)
        # RMSProp's ε of 1e-8 lets so small a gradient move less
        run(one)
        moved[clip] = float((one.net.weight.detach() - before).abs().max())
    assert 0 < moved[1e-6] < moved[0.0]


def test_weight_decay_shrinks_matrices_only():
    one = learner(weight_decay=50.0)
    run(one)
    assert [group["weight_decay"] for group in one.optimisers[0].param_groups] == [50.0, 0.0]
    assert one.net.weight.norm() < 0.5 * learner().net.weight.norm()


def test_averaged_weights_are_the_exponential_average():
    one = learner(average=0.9)
    expected = None
    for _ in range(4):
        for rows in one.batches():
            one.step(rows)
            now = one.net.weight.detach().clone()
            decay = average_decay(0.9, one.averaged - 1)
            expected = now if expected is None else decay * expected + (1 - decay) * now
    torch.testing.assert_close(one.weights()["weight"], expected)
    assert not torch.equal(one.weights()["weight"], one.net.weight)
    assert average_decay(0.9, 0) == 0.1 and average_decay(0.9, 10_000) == 0.9


def test_validation_is_the_last_rows_and_the_best_weights_are_kept():
    x = torch.cat([X, 100 * X[:10]])
    one = learner(x, validation=0.2, epochs=12, learning_rate=0.3)
    assert torch.equal(one.x_validation, x[40:]) and len(one.x) == 40
    losses = []
    end_epoch = one.end_epoch
    one.end_epoch = lambda: (losses.append(one.validation_loss()), end_epoch())
    run(one)
    assert one.best_loss == min(losses) and len(losses) == 12
    load_tensors(one.net, {f"x.{k}": v.numpy() for k, v in one.weights().items()}, "x.", "weights")
    assert one.validation_loss() == min(losses)
    assert one.losses()["best validation loss"] == min(losses)


def test_patience_ends_a_fit_early_and_it_stays_ended():
    x, shelf, reports = torch.cat([X, -X[:10]]), Shelf(), []
    one = learner(x, validation=0.2, patience=3, epochs=500, learning_rate=0.1)
    steps = run(one, checkpointer=shelf, on_step=reports.append)
    assert one.finished and steps < 500 * 4 and one.waited == 3
    assert reports[-1].done == reports[-1].total == steps / 4, "the last report says that it is done"
    again = learner(x, validation=0.2, patience=3, epochs=500, learning_rate=0.1)
    assert run(again, checkpointer=shelf) == steps
    same(one.weights(), again.weights())


def test_too_few_rows_to_validate_on_are_refused():
    assert training_rows(100, Optimisation(validation=0.1)) == 90 and training_rows(100, Optimisation()) == 100
    with pytest.raises(SettingsError, match="at least two rows to train on"):
        training_rows(10, Optimisation(validation=0.1))


def rivals(net):
    return [
        Player("first", [net.weight], squared),
        Player("second", [net.bias], lambda net, batch, rng: {"own": (net.bias - 1).square().sum()}, every=3),
    ]


def test_each_player_moves_its_own_parameters_in_its_turn():
    one = learner(players=rivals)
    bias = [one.net.bias.detach().clone()]
    for rows in (*one.batches(), *one.batches()):
        one.step(rows)
        bias.append(one.net.bias.detach().clone())
    moved = [not torch.equal(a, b) for a, b in pairwise(bias)]
    assert moved == [True, False, False, True, False, False, True, False]
    assert set(one.losses()) == {"first error", "first nothing", "second own"}


@pytest.mark.parametrize("stop", [1, 3, 4, 9, 15])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"optimiser": "rmsprop", "momentum": 0.5},
        {"average": 0.9, "schedule": "cosine", "warm_up": 0.3},
        {"validation": 0.25, "batch_size": 8, "average": 0.9},
        {"players": rivals},
    ],
)
def test_a_resumed_fit_ends_with_the_bits_of_an_undisturbed_one(settings, stop):
    undisturbed, shelf, calls = learner(**settings), Shelf(), []
    run(undisturbed)

    def on_step(progress):
        calls.append(progress)
        return len(calls) == stop

    with pytest.raises(TrainingStopped):
        run(learner(**settings), checkpointer=shelf, on_step=on_step, report_every=0.0)
    resumed = learner(**settings)
    assert run(resumed, checkpointer=shelf) == 16
    same(undisturbed.weights(), resumed.weights())
    same(undisturbed.net.state_dict(), resumed.net.state_dict())


def test_more_epochs_continue_a_finished_fit_of_constant_rate_as_if_it_had_been_longer():
    longer, shelf = learner(epochs=7), Shelf()
    run(longer)
    run(learner(), checkpointer=shelf)
    extended = learner(epochs=7)
    assert run(extended, checkpointer=shelf) == 28
    same(longer.weights(), extended.weights())


def test_integers_are_kept_with_the_weights():
    """The counter of a batch normalisation, and running statistics, which averaged weights need too."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 3))

    def loss(net, batch, rng):
        return {"error": (net(batch.x) - batch.x).square().mean()}

    config = Optimisation(epochs=1, batch_size=10, average=0.5)
    one = TorchLearner(net, [Player("", list(net.parameters()), loss)], X, None, config, seed=0)
    for rows in one.batches():
        one.step(rows)
    state = one.state()
    assert state["weights.0.num_batches_tracked"].dtype == np.int64 and one.weights()["0.num_batches_tracked"] == 4
    one.restore(state)
    with pytest.raises(CheckpointError, match="of integers"):
        one.restore({**state, "weights.0.num_batches_tracked": np.array(4.0)})
    with pytest.raises(CheckpointError, match="of floats"):
        one.restore({**state, "weights.1.bias": np.zeros(3, np.int64)})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("counters", np.zeros(3, np.int64)),
        ("weights.weight", np.zeros((2, 2), np.float32)),
        ("optimiser.0.0.exp_avg", np.full((3, 3), np.nan, np.float32)),
        ("optimiser.0.9.exp_avg", np.zeros((3, 3), np.float32)),
    ],
)
def test_a_spoilt_state_is_refused(name, value):
    one = learner()
    run(one)
    with pytest.raises(CheckpointError, match="expected"):
        learner().restore({**one.state(), name: value})


def test_a_rate_that_explodes_is_said():
    with pytest.raises(TrainingDiverged, match="lower the learning rate"):
        run(learner(1e25 * X), report_every=0.0)


def test_the_time_that_is_left_is_known_before_the_first_epoch_ends():
    reports = []
    run(learner(batch_size=4), on_step=reports.append, report_every=0.0)
    assert reports[0].done == 0 and reports[0].part == pytest.approx(0.1) and reports[0].left > 0
    assert reports[-1].left == 0 and reports[-1].part == 0
    assert all(0 <= report.part < 1 for report in reports)
