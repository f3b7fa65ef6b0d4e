"""Laws that hold for every family of the zoo, once over the registry: what goes in, what comes out, what is refused."""

import json
import subprocess
import sys

import numpy as np
import pytest

from engine.errors import CheckpointError, MarketDataError, SettingsError
from engine.models import families
from engine.models.families import estimator
from engine.models.registry import families as names
from engine.models.registry import family_class
from engine.settings import describe
from engine.training.progress import TrainingStopped

SMALL = {
    "vae": {"latent": 2, "width": 8, "depth": 1, "density_draws": 8, "imputation_steps": 6},
    "realnvp": {"layers": 2, "width": 8, "depth": 1},
    "ddpm": {"width": 8, "blocks": 1, "noise_steps": 20, "steps": 4, "resamplings": 2, "average": 0.5},
}
"""Settings under which a family fits in a moment; a family without an entry is tested with its defaults."""

ROWS, D, C = 60, 4, 2
RNG = np.random.default_rng(0)
CONDITION = RNG.normal(size=(ROWS, C))
X = CONDITION @ RNG.normal(size=(C, D)) + RNG.normal(size=(ROWS, D)) * [1, 10, 0.1, 5] + [0, 100, 0, -3]
TODAY = CONDITION[3]

every_family = pytest.mark.parametrize("name", names())


def made(name, **settings):
    return estimator(name, **{"epochs": 3, "batch_size": 16, **SMALL.get(name, {}), **settings})


def fitted(name, condition=CONDITION, seed=0, x=X, **settings):
    return made(name, **settings).fit(x, condition, seed=seed)


@pytest.fixture(scope="module", params=names())
def law(request):
    """A family fitted with a condition, if it takes one."""
    name = request.param
    return fitted(name, CONDITION if family_class(name).conditional else None)


def known(law, value=TODAY):
    return value if law.condition_shape is not None else None


class Shelf:
    def __init__(self):
        self.kept = None

    def load(self):
        return self.kept

    def save(self, state):
        self.kept = {name: array.copy() for name, array in state.items()}


def same(one, other):
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(other[name], array, err_msg=name)


def test_the_table_of_families_needs_no_torch():
    code = "import sys, engine.models.families as f; assert f.estimator and 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@every_family
def test_a_family_says_what_it_is(name):
    kind = family_class(name)
    assert kind.name == name and kind.label and kind.__doc__ and kind.__doc__.count("References:") == 1
    assert {"epochs", "batch_size", "learning_rate"} <= {info.name for info in describe(kind.Config)}
    assert [info.name for info in describe(kind.Config) if info.extends] == ["epochs"]


def test_draws_have_the_shape_are_finite_and_belong_to_their_seed(law):
    one, same_seed, other = (law.sample(7, known(law), seed=seed) for seed in (1, 1, 2))
    assert one.shape == (7, D) and one.dtype == np.float64 and np.isfinite(one).all()
    np.testing.assert_array_equal(one, same_seed)
    assert not np.isin(one, other).any()
    assert law.sample(0, known(law)).shape == (0, D)


def test_a_condition_of_one_row_holds_for_all_and_n_rows_hold_for_one_each(law):
    if law.condition_shape is None:
        pytest.skip("it takes no condition")
    one = law.sample(5, TODAY, seed=1)
    np.testing.assert_array_equal(law.sample(5, TODAY[None], seed=1), one)
    np.testing.assert_array_equal(law.sample(5, np.tile(TODAY, (5, 1)), seed=1), one)
    mixed = law.sample(5, np.stack([TODAY, CONDITION[9], TODAY, TODAY, TODAY]), seed=1)
    assert not np.array_equal(mixed[1], one[1])
    np.testing.assert_allclose(mixed[[0, 2, 3, 4]], one[[0, 2, 3, 4]], rtol=1e-4)


def test_a_wrong_condition_is_refused_in_one_sentence(law):
    if law.condition_shape is None:
        with pytest.raises(SettingsError, match="expected no condition"):
            law.sample(5, TODAY)
        return
    for wrong in (np.zeros(C + 1), np.zeros((4, C)), np.zeros((5, C + 1)), np.zeros((5, C, 1)), 0.0):
        with pytest.raises(MarketDataError, match=r"expected a condition of shape \(2\)"):
            law.sample(5, wrong)
    with pytest.raises(SettingsError, match=r"expected a condition of shape \(2\), as in the fit; found none"):
        law.sample(5)
    with pytest.raises(MarketDataError, match="finite numbers in the condition"):
        law.sample(5, [np.nan, 0.0])
    with pytest.raises(SettingsError, match="n >= 0"):
        law.sample(-1, TODAY)


@every_family
def test_the_unconditional_law(name):
    law = fitted(name, None)
    assert law.sample(3).shape == (3, D) and law.condition_shape is None
    with pytest.raises(SettingsError, match="expected no condition"):
        law.sample(3, TODAY)


@every_family
def test_rows_of_any_shape(name):
    x = RNG.normal(size=(ROWS, 2, 3))
    law = fitted(name, RNG.normal(size=(ROWS, 2, 2)) if family_class(name).conditional else None, x=x)
    condition = np.zeros((2, 2)) if law.condition_shape is not None else None
    assert law.sample(5, condition).shape == (5, 2, 3)
    if law.family.can("reconstruct"):
        assert law.reconstruct(x[:4], condition).shape == (4, 2, 3)
    if law.family.can("impute"):
        assert law.impute(x[:4], np.ones((2, 3), bool), 2, condition=condition).shape == (2, 4, 2, 3)


@every_family
@pytest.mark.parametrize("d", [1, 2])
def test_few_dimensions(name, d):
    draws = fitted(name, x=X[:, :d]).sample(5, TODAY)
    assert draws.shape == (5, d) and np.isfinite(draws).all()
    assert fitted(name, None, x=X[:, :d]).sample(5).shape == (5, d)


@every_family
def test_the_same_seed_fits_the_same_bits_and_another_does_not(name):
    one, again, other = (fitted(name, seed=seed).state() for seed in (3, 3, 4))
    same(one, again)
    assert any(not np.array_equal(one[k], other[k]) for k in one if k.startswith("net."))


@every_family
@pytest.mark.parametrize("stop", [1, 3, 8])
def test_a_stopped_and_resumed_fit_ends_with_the_bits_of_an_undisturbed_one(name, stop):
    options = {"validation": 0.2, "average": 0.9}
    undisturbed, shelf, calls = fitted(name, **options), Shelf(), []

    def on_step(progress):
        calls.append(progress)
        return len(calls) == stop

    with pytest.raises(TrainingStopped):
        made(name, **options).fit(X, CONDITION, on_step=on_step, checkpointer=shelf, report_every=0.0)
    assert all(isinstance(array, np.ndarray) for array in shelf.kept.values())
    resumed = made(name, **options).fit(X, CONDITION, checkpointer=shelf)
    same(undisturbed.state(), resumed.state())
    assert resumed.steps == undisturbed.steps == 9
    with pytest.raises(CheckpointError, match="other data, another seed or other settings"):
        made(name, **options).fit(X, CONDITION, seed=1, checkpointer=shelf)


@every_family
def test_random_numbers_drawn_elsewhere_change_nothing(name):
    import torch

    before = torch.get_rng_state()
    one = fitted(name).state()
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(5)
    same(one, fitted(name).state())


def test_state_and_files_give_the_same_law(law, tmp_path):
    law.save(tmp_path / "kept")
    back = families.load(tmp_path / "kept")
    raw = type(law)(law.family).restore(law.state(), law.shape, law.condition_shape)
    for other in (back, raw):
        same(law.state(), other.state())
        np.testing.assert_array_equal(other.sample(4, known(law), seed=2), law.sample(4, known(law), seed=2))
    assert back.metrics == law.metrics and back.steps == law.steps and back.family.config == law.family.config


def test_spoilt_files_are_refused_in_one_sentence(law, tmp_path):
    def card(**change):
        values = json.loads((tmp_path / "family.json").read_text())
        (tmp_path / "family.json").write_text(json.dumps(values | change))

    def weights(change):
        content = bytearray((tmp_path / "weights.safetensors").read_bytes())
        (tmp_path / "weights.safetensors").write_bytes(change(content))

    other = next((name for name in names() if name != law.family.name), "?")
    for spoil in (
        lambda: card(family="gpt"),
        lambda: card(family=7),
        lambda: card(family=other),
        lambda: card(shape=[D + 1]),
        lambda: card(shape=[-1]),
        lambda: card(shape="4"),
        lambda: card(condition_shape=[9, 9]),
        lambda: card(config={"depth": 1e9, "nonsense": 1}),
        lambda: card(format=2),
        lambda: (tmp_path / "family.json").write_text("{"),
        lambda: (tmp_path / "family.json").unlink(),
        lambda: weights(lambda content: content[:-3]),
        lambda: weights(lambda content: content[:-1] + bytes([content[-1] ^ 1])),
        lambda: (tmp_path / "weights.safetensors").unlink(),
    ):
        law.save(tmp_path)
        spoil()
        with pytest.raises(CheckpointError) as error:
            families.load(tmp_path)
        assert "expected" in str(error.value) and "\n" not in str(error.value)


def test_a_state_of_other_shapes_is_refused(law):
    state = law.state()
    with pytest.raises(CheckpointError, match="expected a state of"):
        type(law)(law.family).restore(state, (D + 1,), law.condition_shape)
    with pytest.raises(CheckpointError, match="expected a state of"):
        type(law)(law.family).restore({k: v for k, v in state.items() if k != "scale.x_sd"}, (D,), law.condition_shape)
    with pytest.raises(CheckpointError, match="finite"):
        spoilt = {**state, "scale.x_mean": state["scale.x_mean"] * np.nan}
        type(law)(law.family).restore(spoilt, (D,), law.condition_shape)
    with pytest.raises(CheckpointError, match="deviations > 0"):
        type(law)(law.family).restore({**state, "scale.x_sd": np.zeros(D)}, (D,), law.condition_shape)


@every_family
@pytest.mark.parametrize(
    ("x", "condition", "words"),
    [
        (np.where(np.arange(D) == 1, np.nan, X), CONDITION, "finite numbers in X; found NaN or infinity in row 0"),
        (X, np.where(np.arange(C) == 1, np.inf, CONDITION), "finite numbers in condition"),
        (np.where(np.arange(D) == 2, 0.1, X), CONDITION, "columns of X that vary .* column 2 constant"),
        (X, np.where(np.arange(C) == 0, 7.0, CONDITION), "columns of condition that vary .* column 0 constant"),
        (X[:3], CONDITION[:3], "at least 10 rows of X; found 3"),
        (X, CONDITION[:-1], "as many rows of condition as of X, 60; found 59"),
        (X[:, 0], CONDITION, r"X of shape \(n, d\); found \(60,\)"),
        (X[:, :0], CONDITION, "at least one column"),
        ([["a", "b"]] * 20, None, "array of numbers"),
    ],
)
def test_bad_data_are_refused_in_one_sentence(name, x, condition, words):
    if condition is not None and not family_class(name).conditional:
        condition = None
    with pytest.raises((MarketDataError, SettingsError), match=words):
        made(name).fit(x, condition)


@every_family
def test_what_is_asked_too_early_or_of_a_device_that_is_not_there_is_refused(name):
    with pytest.raises(SettingsError, match="call fit first"):
        made(name).sample(3)
    with pytest.raises(SettingsError, match="expected a device that is there"):
        made(name).fit(X, device="abacus")
    with pytest.raises(SettingsError, match="expected settings among"):
        made(name, nonsense=3)


def test_an_unknown_family_is_refused():
    with pytest.raises(SettingsError, match="expected a family among vae"):
        estimator("gpt")


@pytest.mark.parametrize(
    ("capability", "ask"),
    [
        ("log_prob", lambda law, x, c: law.score_samples(x, c)),
        ("encode", lambda law, x, c: law.encode(x, c)),
        ("reconstruct", lambda law, x, c: law.reconstruct(x, c)),
        ("impute", lambda law, x, c: law.impute(x, np.ones(x.shape, bool), 2, condition=c)),
    ],
)
def test_what_a_family_can_it_does_and_what_it_cannot_is_one_sentence(law, capability, ask):
    if not law.family.can(capability):
        with pytest.raises(SettingsError, match="expected a family that has"):
            ask(law, X, known(law, CONDITION))
        return
    found = ask(law, X, known(law, CONDITION))
    assert np.isfinite(found).all() and ROWS in found.shape[:2]
    np.testing.assert_array_equal(ask(law, X, known(law, CONDITION)), found)
    with pytest.raises(MarketDataError, match=r"expected X of shape \(n, 4\)"):
        ask(law, X[:, 1:], known(law, CONDITION))
    with pytest.raises(MarketDataError, match="finite"):
        ask(law, np.where(np.arange(D) == 1, np.nan, X), known(law, CONDITION))
    assert 0 in ask(law, X[:0], known(law, CONDITION[:0])).shape


def test_densities_are_in_the_units_of_the_data(law):
    """Data in other units, y = 3 x: the same law, whose log density is smaller by d log 3."""
    if not law.family.can("log_prob"):
        pytest.skip("it has no density")
    other = fitted(law.family.name, known(law, CONDITION), x=3 * X)
    found = law.score_samples(X, known(law, CONDITION)) - other.score_samples(3 * X, known(law, CONDITION))
    np.testing.assert_allclose(found, D * np.log(3), rtol=1e-3)


def test_imputed_rows_keep_what_was_observed_to_the_bit(law):
    if not law.family.can("impute"):
        pytest.skip("it does not impute")
    mask = RNG.random((5, D)) < 0.5
    mask[0], mask[1] = True, False
    holes = np.where(mask, X[:5], np.nan)
    found = law.impute(holes, mask, 3, seed=1, condition=known(law))
    assert found.shape == (3, 5, D) and np.isfinite(found).all()
    np.testing.assert_array_equal(found[:, mask], np.tile(X[:5][mask], (3, 1)))
    assert (found[0] != found[1])[~mask].all() and (found[0, 0] == X[0]).all()
    np.testing.assert_array_equal(law.impute(holes, mask, 3, seed=1, condition=known(law)), found)
    one_mask = law.impute(holes[2:3], mask[2], 2, condition=known(law))
    assert one_mask.shape == (2, 1, D)
    for wrong in (mask.astype(int), mask[:, 1:]):
        with pytest.raises(MarketDataError, match="expected a mask of truth values"):
            law.impute(holes, wrong, 3, condition=known(law))
