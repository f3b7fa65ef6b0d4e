"""VolGAN's training against plain modules, autograd and torch's optimiser, and its laws."""

import dataclasses

import numpy as np
import pytest
import torch
from small_market import SMALL_GRID, small_history
from torch import nn

from engine.errors import CheckpointError
from engine.market.grid import Grid
from engine.models.volgan import training as volgan_training
from engine.models.volgan.generator import VolGANConfig, condition_rows, conditions, targets
from engine.models.volgan.model import VolGAN
from engine.models.volgan.training import MATCHING, TRAINING, VolGANLearner, roughness
from engine.surfaces import arbitrage
from engine.training.loop import run
from engine.training.progress import TrainingDiverged, TrainingStopped
from engine.training.streams import Streams

HISTORY = small_history(days=60)
ROWS = condition_rows(HISTORY)
A, Y = conditions(HISTORY, ROWS), targets(HISTORY, ROWS)
CONFIG = VolGANConfig(epochs=4, batch_size=15, matching_epochs=2, noise_dim=5, members=2, learning_rate=1e-3)


def learner(config=CONFIG, seed=3, members=None, dtype=torch.float64) -> VolGANLearner:
    members = range(config.members) if members is None else members
    return VolGANLearner(A, Y, SMALL_GRID, config, seed=seed, members=members, dtype=dtype)


def smoothness_longhand(surface: torch.Tensor, grid: Grid) -> tuple[torch.Tensor, torch.Tensor]:
    """L_m and L_τ of one surface (n_moneyness, n_maturity), term by term (SPEC 2)."""
    m, tau = grid.moneyness, grid.maturity
    along_m = along_tau = torch.zeros((), dtype=surface.dtype)
    for i in range(len(m)):
        for j in range(len(tau)):
            if i + 1 < len(m):
                along_m = along_m + (surface[i + 1, j] - surface[i, j]) ** 2 / (m[i + 1] - m[i]) ** 2
            if j + 1 < len(tau):
                along_tau = along_tau + (surface[i, j + 1] - surface[i, j]) ** 2 / (tau[j + 1] - tau[j]) ** 2
    return along_m, along_tau


class Reference:
    """One member of VolGAN as a reader of SPEC 2 would write it: modules, autograd, torch's RMSProp."""

    def __init__(self, weights: dict[str, np.ndarray], member: int, learning_rate: float):
        c, y, z = A.shape[1], Y.shape[1], CONFIG.noise_dim
        self.generator = nn.Sequential(
            nn.Linear(z + c, 16), nn.Softplus(), nn.Linear(16, 32), nn.Softplus(), nn.Linear(32, y)
        )
        self.discriminator = nn.Sequential(nn.Linear(c + y, 16), nn.Softplus(), nn.Linear(16, 1), nn.Sigmoid())
        for name, net in (("generator", self.generator), ("discriminator", self.discriminator)):
            net.double()
            for k, layer in enumerate(layer for layer in net if isinstance(layer, nn.Linear)):
                layer.weight.data = torch.from_numpy(weights[f"{name}.{k}.weight"][member].copy())
                layer.bias.data = torch.from_numpy(weights[f"{name}.{k}.bias"][member].copy())
        self.optimisers = {
            name: torch.optim.RMSprop(net.parameters(), lr=learning_rate)
            for name, net in (("generator", self.generator), ("discriminator", self.discriminator))
        }
        self.norms = []

    def update(self, rows, noise, alphas=None, record=False):
        a, real = torch.from_numpy(A)[rows], torch.from_numpy(Y)[rows]
        fake = self.generator(torch.cat([noise[0], a], dim=1)).detach()
        d_real = self.discriminator(torch.cat([a, real], dim=1))
        d_fake = self.discriminator(torch.cat([a, fake], dim=1))
        self._descend("discriminator", -0.5 * d_real.log().mean() - 0.5 * (1 - d_fake).log().mean())
        fake = self.generator(torch.cat([noise[1], a], dim=1))
        adversarial = -0.5 * self.discriminator(torch.cat([a, fake], dim=1)).log().mean()
        surfaces = (a[:, 3:] + fake[:, 1:]).reshape(-1, *SMALL_GRID.shape)
        terms = [smoothness_longhand(surface, SMALL_GRID) for surface in surfaces]
        rough = [sum(term[k] for term in terms) / len(terms) for k in (0, 1)]
        if record:
            parameters = list(self.generator.parameters())
            for term in (adversarial, *rough):
                gradient = torch.autograd.grad(term, parameters, retain_graph=True)
                self.norms.append(float(torch.cat([g.reshape(-1) for g in gradient]).norm()))
        loss = adversarial
        if alphas is not None:
            loss = loss + alphas[0] * rough[0] + alphas[1] * rough[1]
        self._descend("generator", loss)

    def _descend(self, name, loss):
        self.optimisers[name].zero_grad()
        loss.backward()
        self.optimisers[name].step()

    def weights(self):
        return {
            f"{name}.{k}.{kind}": getattr(layer, kind).detach().numpy()
            for name, net in (("generator", self.generator), ("discriminator", self.discriminator))
            for k, layer in enumerate(layer for layer in net if isinstance(layer, nn.Linear))
            for kind in ("weight", "bias")
        }


def run_epochs(ours: VolGANLearner, references: list[Reference], streams: Streams, epochs: int, **options) -> None:
    """The same updates by both, on the same rows and noise; batches of 15 and a last one of 7."""
    for _ in range(epochs):
        order = ours.streams.permutations(len(A))
        assert torch.equal(order, streams.permutations(len(A)))
        for rows in order.split(CONFIG.batch_size, dim=1):
            ours.step(rows)
            noise = torch.empty(len(references), 2, rows.shape[1], CONFIG.noise_dim, dtype=torch.float64)
            streams.normal_(noise)
            for k, reference in enumerate(references):
                alphas = options["alphas"][:, k] if "alphas" in options else None
                reference.update(rows[k], noise[k], alphas, options.get("record", False))


def assert_same_weights(ours: VolGANLearner, references: list[Reference], atol=1e-10) -> None:
    found = ours.weights()
    for k, reference in enumerate(references):
        for name, expected in reference.weights().items():
            np.testing.assert_allclose(found[name][k], expected, rtol=0, atol=atol, err_msg=name)


def references_of(ours: VolGANLearner) -> list[Reference]:
    weights = ours.weights()
    return [Reference(weights, k, CONFIG.learning_rate) for k in range(len(ours.members))]


def test_whole_training_is_that_of_plain_modules_under_autograd():
    """Matching on BCE, α = mean ‖∇BCE‖/‖∇L‖, restart from the same weights, training on (3.8): all to 1e-10."""
    ours, streams = learner(), Streams(3, range(2), "training")
    ours.begin_phase(MATCHING)
    initial, references = ours.weights(), references_of(ours)
    run_epochs(ours, references, streams, epochs=2, record=True)
    assert_same_weights(ours, references)
    expected = np.array([np.reshape(reference.norms, (-1, 3)) for reference in references])  # (members, updates, 3)
    np.testing.assert_allclose(ours.matching.norms, expected.transpose(1, 2, 0), rtol=1e-9)
    alphas = np.stack([(expected[:, :, 0] / expected[:, :, k]).mean(axis=1) for k in (1, 2)])

    ours.begin_phase(TRAINING)
    for name, array in ours.weights().items():
        np.testing.assert_array_equal(array, initial[name], err_msg="training restarts where matching started")
    np.testing.assert_allclose(ours.alphas, alphas, rtol=1e-9)
    references = references_of(ours)
    run_epochs(ours, references, streams, epochs=3, alphas=alphas)
    assert_same_weights(ours, references)


def test_bce_alone_is_that_of_plain_modules_under_autograd():
    ours, streams = learner(dataclasses.replace(CONFIG, loss="bce")), Streams(3, range(2), "training")
    ours.begin_phase(TRAINING)
    references = references_of(ours)
    run_epochs(ours, references, streams, epochs=3)
    assert_same_weights(ours, references)
    assert len(ours.matching.norms) == 0


def test_roughness_runs_along_the_right_axes():
    along_m, along_tau = roughness(SMALL_GRID)
    surface = np.random.default_rng(0).normal(size=SMALL_GRID.shape)
    g = SMALL_GRID.flatten(surface)
    expected = smoothness_longhand(torch.from_numpy(surface), SMALL_GRID)
    np.testing.assert_allclose([g @ along_m @ g, g @ along_tau @ g], [float(term) for term in expected], rtol=1e-13)
    only_in_m = SMALL_GRID.flatten(np.broadcast_to(surface[:, :1], SMALL_GRID.shape))
    only_in_tau = SMALL_GRID.flatten(np.broadcast_to(surface[:1], SMALL_GRID.shape))
    assert abs(only_in_m @ along_tau @ only_in_m) < 1e-12 < only_in_m @ along_m @ only_in_m
    assert abs(only_in_tau @ along_m @ only_in_tau) < 1e-12 < only_in_tau @ along_tau @ only_in_tau


def test_losses_reported_are_those_of_the_formulas():
    ours, streams = learner(), Streams(3, range(2), "training")
    ours.begin_phase(MATCHING)
    (reference, _), before = references_of(ours), ours.losses()
    assert before == {}, "nothing to report before an update"
    rows = ours.streams.permutations(len(A))
    ours.step(rows)
    streams.permutations(len(A))
    noise = torch.empty(2, 2, len(A), CONFIG.noise_dim, dtype=torch.float64)
    streams.normal_(noise)
    a, real = torch.from_numpy(A)[rows[0]], torch.from_numpy(Y)[rows[0]]
    with torch.no_grad():
        fakes = [reference.generator(torch.cat([noise[0, k], a], dim=1)) for k in (0, 1)]
        d_real = reference.discriminator(torch.cat([a, real], dim=1))
        d_fake = reference.discriminator(torch.cat([a, fakes[0]], dim=1))
    surfaces = (a[:, 3:] + fakes[1][:, 1:]).reshape(-1, *SMALL_GRID.shape)
    rough = np.mean([[float(term) for term in smoothness_longhand(s, SMALL_GRID)] for s in surfaces], axis=0)
    found = ours.member_losses()
    expected = float(-0.5 * d_real.log().mean() - 0.5 * (1 - d_fake).log().mean())
    np.testing.assert_allclose(found["discriminator"][0], expected, rtol=1e-10)
    np.testing.assert_allclose(
        [found["roughness in moneyness"][0], found["roughness in maturity"][0]], rough, rtol=1e-10
    )
    assert set(ours.losses()) == {"discriminator", "generator", "roughness in moneyness", "roughness in maturity"}


def test_a_member_is_the_same_alone_and_in_a_stack():
    config = dataclasses.replace(CONFIG, members=3)
    stacked, alone = learner(config), learner(config, members=[2])
    for ours in (stacked, alone):
        run(ours, [volgan_training.loop.Phase(p, 2) for p in (MATCHING, TRAINING)], identity="")
    for name, array in alone.weights().items():
        np.testing.assert_allclose(stacked.weights()[name][2], array[0], rtol=0, atol=1e-11, err_msg=name)
    np.testing.assert_allclose(stacked.alphas[:, 2], alone.alphas[:, 0], rtol=1e-10)
    assert not np.allclose(stacked.weights()["generator.0.weight"][0], alone.weights()["generator.0.weight"][0])


def test_initial_weights_depend_on_seed_and_member_only():
    first, again, other = learner(), learner(dataclasses.replace(CONFIG, loss="bce", epochs=9)), learner(seed=4)
    for ours in (first, again, other):
        ours.begin_phase(TRAINING if ours.config.loss == "bce" else MATCHING)
    for name, array in first.weights().items():
        np.testing.assert_array_equal(array, again.weights()[name])
        assert not np.isin(array, other.weights()[name]).any()
        fan_in = array.shape[-1] if name.endswith("weight") else first.weights()[name[:-4] + "weight"].shape[-1]
        assert np.abs(array).max() <= fan_in**-0.5
    assert first.weights()["generator.0.weight"].std() > 0.5 * (CONFIG.noise_dim + A.shape[1]) ** -0.5


class Shelf:
    def __init__(self):
        self.kept = None

    def load(self):
        return self.kept

    def save(self, state):
        self.kept = {name: array.copy() for name, array in state.items()}


def stop_after(steps):
    calls = []

    def on_step(progress):
        calls.append(progress)
        return len(calls) == steps

    return on_step


@pytest.mark.parametrize("stop", [1, 4, 6, 7, 13, 17])
@pytest.mark.parametrize("loss", ["volgan", "bce"])
def test_a_resumed_fit_ends_with_identical_weights(stop, loss):
    """Six updates of matching, then twelve of training; three an epoch. Stopped in either phase, inside epochs too."""
    config, stop = dataclasses.replace(CONFIG, loss=loss), stop if loss == "volgan" else min(stop, 11)
    undisturbed, shelf = volgan_training.train(HISTORY, config, seed=3), Shelf()
    with pytest.raises(TrainingStopped):
        volgan_training.train(HISTORY, config, seed=3, checkpointer=shelf, on_step=stop_after(stop), report_every=0.0)
    assert all(isinstance(array, np.ndarray) for array in shelf.kept.values())
    resumed = volgan_training.train(HISTORY, config, seed=3, checkpointer=shelf)
    assert resumed.steps == undisturbed.steps == (18 if loss == "volgan" else 12)
    for name, array in undisturbed.state.items():
        np.testing.assert_array_equal(resumed.state[name], array, err_msg=name)


def test_seeds_reproduce_and_differ():
    one, same, other = (volgan_training.train(HISTORY, CONFIG, seed=seed) for seed in (3, 3, 4))
    for name, array in one.state.items():
        np.testing.assert_array_equal(same.state[name], array)
        assert not np.array_equal(other.state[name], array)


@pytest.mark.parametrize(
    "options",
    [{"seed": 4}, {"history": small_history(days=60, seed=1)}, {"config": dataclasses.replace(CONFIG, noise_dim=6)}],
)
def test_the_state_of_another_fit_is_refused(options):
    shelf = Shelf()
    volgan_training.train(HISTORY, CONFIG, seed=3, checkpointer=shelf)
    settings = {"history": HISTORY, "config": CONFIG, "seed": 3, **options}
    with pytest.raises(CheckpointError, match="other data, another seed or other settings"):
        volgan_training.train(settings["history"], settings["config"], seed=settings["seed"], checkpointer=shelf)


def test_a_spoilt_state_is_refused():
    shelf = Shelf()
    volgan_training.train(HISTORY, CONFIG, seed=3, checkpointer=shelf)
    for name in ("generator.w1", "discriminator_squares.b2", "matching.alphas"):
        spoilt = Shelf()
        spoilt.save({**shelf.kept, name: shelf.kept[name] * np.nan})
        with pytest.raises(CheckpointError, match=name):
            volgan_training.train(HISTORY, CONFIG, seed=3, checkpointer=spoilt)


def test_a_learning_rate_that_explodes_is_said():
    with pytest.raises(TrainingDiverged, match="lower the learning rate"):
        volgan_training.train(HISTORY, dataclasses.replace(CONFIG, learning_rate=1e38, loss="bce"), seed=0)


def test_smoothness_terms_lower_arbitrage():
    """Mean raw Φ of four seeds with the terms of (3.8) is below a fifth of BCE's (seen: below 1/400, four times)."""
    history = small_history(days=160)
    config = VolGANConfig(epochs=100, batch_size=50, members=4, learning_rate=3e-4)
    phi = {}
    for loss in ("volgan", "bce"):
        trained = volgan_training.train(history, dataclasses.replace(config, loss=loss), seed=0)
        model = VolGAN(dataclasses.replace(config, loss=loss))
        model.restore(trained.state, history.grid)
        scenarios = model.sample_days(history, [40, 80, 120], 200, rng=np.random.default_rng(0))
        phi[loss] = arbitrage.penalty(np.exp(scenarios.log_iv.astype(np.float64)), history.grid).total.mean()
    assert phi["volgan"] < 0.2 * phi["bce"]
