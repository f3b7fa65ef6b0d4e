"""Identities of the variational autoencoder, on a linear-Gaussian model where everything is known.

x = W z + b + σ ε, z ~ N(0, I): log p(x), p(z | x) and p(x_hidden | x_observed) are normal laws in closed form. The
networks are set by hand: a decoder and an encoder that are linear maps.
"""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from engine.models.families import estimator
from engine.models.families.family import Batch
from engine.models.families.vae import SPEED, VAE, Normal, VAEConfig, kl_divergence, log_weight

D, L, SD = 3, 2, 0.5
# orthogonal columns, so that the posterior of the codes has independent coordinates, as q must have
W = np.array([[1.0, 0.5], [0.8, -0.4], [-0.6, 0.3]])
W[:, 1] -= W[:, 0] * (W[:, 0] @ W[:, 1]) / (W[:, 0] @ W[:, 0])
B = np.array([0.3, -0.2, 0.1])
PRECISION = np.diag(W.T @ W) / SD**2 + 1
GAIN = (W / SD**2 / PRECISION).T  # posterior mean of z is GAIN (x − b)
CONFIG = VAEConfig(latent=L, depth=0, density_draws=2000, imputation_steps=60)


def exact(encoder_scale=1.0):
    """The linear-Gaussian model as a network; with ``encoder_scale`` 1 its encoder is the posterior."""
    family = VAE(CONFIG)
    net = family.networks((D,), None)
    state = {
        "decoder.layers.0.weight": W,
        "decoder.layers.0.bias": B,
        "encoder.layers.0.weight": np.concatenate([GAIN, np.zeros((L, D))]),
        "encoder.layers.0.bias": np.concatenate([-GAIN @ B, -0.5 * np.log(PRECISION) + np.log(encoder_scale)]),
        "spread": np.zeros(L),
        "noise": np.full(D, np.log(SD) / SPEED),
    }
    net.requires_grad_(False).load_state_dict(
        {name: torch.tensor(value, dtype=torch.float32) for name, value in state.items()}
    )
    return family, net


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


LAW = multivariate_normal(B, W @ W.T + SD**2 * np.eye(D))
X = LAW.rvs(50, random_state=1)
ROWS = torch.tensor(X, dtype=torch.float32)


def test_kl_divergence_is_the_closed_form_and_the_integral():
    q = Normal(torch.tensor([[0.7, 0.0]]), torch.tensor([[-0.4, 0.0]]))
    by_torch = torch.distributions.kl_divergence(
        torch.distributions.Normal(q.mean, q.log_sd.exp()), torch.distributions.Normal(0.0, 1.0)
    )
    prior = Normal(torch.zeros(1, 2), torch.zeros(1, 2))
    torch.testing.assert_close(kl_divergence(q, prior), by_torch)
    assert kl_divergence(q, prior)[0, 1] == 0
    z = 0.7 + np.exp(-0.4) * np.random.default_rng(0).normal(size=100_000)
    gap = -0.5 * ((z - 0.7) / np.exp(-0.4)) ** 2 + 0.4 + 0.5 * z**2
    assert float(kl_divergence(q, prior)[0, 0]) == pytest.approx(gap.mean(), abs=4 * gap.std() / len(gap) ** 0.5)


def test_the_divergence_is_measured_in_spreads_of_the_prior():
    def normal(mean, log_sd):
        return Normal(torch.tensor([[mean]]), torch.tensor([[float(log_sd)]]))

    one = kl_divergence(normal(0.7, -0.4), normal(0.0, 0.0))
    torch.testing.assert_close(kl_divergence(normal(1.4, -0.4 + np.log(2)), normal(0.0, np.log(2))), one)


@pytest.mark.parametrize("scale", [1.0, 0.6, 1.5])
def test_log_density_is_the_bound_plus_the_divergence_from_the_posterior(scale):
    """log p(x) = ELBO + KL(q ‖ p(z | x)), with the true posterior for p(z | x) and any q."""
    _, net = exact(scale)
    q = net.encode(ROWS, None)
    bound = torch.stack([log_weight(net, q, q.draw(rng(k)), ROWS, None) for k in range(4000)]).double().mean(dim=0)
    # the codes' means agree: only the spreads differ
    divergence = L * (-np.log(scale) + 0.5 * (scale**2 - 1))
    np.testing.assert_allclose(bound.numpy() + divergence, LAW.logpdf(X), atol=0.1)
    if scale == 1.0:  # the weight is constant: the bound is the density, whatever the draw
        np.testing.assert_allclose(log_weight(net, q, q.draw(rng()), ROWS, None), LAW.logpdf(X), atol=1e-4)


def test_the_loss_is_minus_the_bound_by_coordinate():
    family, net = exact()
    draws = [family.loss(net, Batch(ROWS), rng(k)) for k in range(500)]
    loss = np.mean([float(terms["reconstruction"] + terms["KL"]) for terms in draws])
    assert loss == pytest.approx(-LAW.logpdf(X).mean() / D, abs=5e-3)


@pytest.mark.parametrize("scale", [1.0, 1.4])
def test_density_by_importance_sampling(scale):
    family, net = exact(scale)
    np.testing.assert_allclose(family.log_prob(net, ROWS, None).numpy(), LAW.logpdf(X), atol=0.1 if scale > 1 else 1e-4)


def test_draws_have_the_models_mean_and_covariance_noise_included():
    family, net = exact()
    draws = family.draw(net, None, 200_000, rng()).double().numpy()
    np.testing.assert_allclose(draws.mean(axis=0), B, atol=0.01)
    np.testing.assert_allclose(np.cov(draws.T), LAW.cov, atol=0.02)


@pytest.mark.parametrize("scale", [1.0, 1.3])
def test_imputed_entries_follow_the_conditional_law(scale):
    """Also with an encoder that is not the posterior: the chain corrects for it."""
    family, net = exact(scale)
    mask = torch.tensor([[True, False, True]])
    draws = family.impute(net, ROWS[:1], mask, None, 20_000, rng())[:, 0].double().numpy()
    seen, cov = [0, 2], LAW.cov
    gain = cov[1, seen] @ np.linalg.inv(cov[np.ix_(seen, seen)])
    mean, variance = B[1] + gain @ (X[0, seen] - B[seen]), cov[1, 1] - gain @ cov[seen, 1]
    assert draws[:, 1].mean() == pytest.approx(mean, abs=0.02)
    assert draws[:, 1].std() == pytest.approx(variance**0.5, rel=0.03)


def test_codes_and_reconstruction():
    family, net = exact()
    np.testing.assert_allclose(family.encode(net, ROWS, None), (X - B) @ GAIN.T, atol=1e-5)
    np.testing.assert_allclose(family.reconstruct(net, ROWS, None), (X - B) @ GAIN.T @ W.T + B, atol=1e-5)
    found = family.diagnostics(net, Batch(ROWS), rng())
    assert found["active units"] == L and found["KL in nats"] > 0.1


@pytest.mark.parametrize(
    ("annealing", "weights"),
    [
        ("none", [2.0, 2.0, 2.0, 2.0, 2.0]),
        ("linear", [0.0, 1.0, 2.0, 2.0, 2.0]),
        ("cyclical", [0.0, 2.0, 0.0, 2.0, 2.0]),
    ],
)
def test_the_weight_of_the_divergence_rises(annealing, weights):
    config = VAEConfig(beta=2.0, annealing=annealing, annealing_share=0.5, cycles=2)
    assert [VAE(config).weight(progress) for progress in (0.0, 0.25, 0.5, 0.75, 1.0)] == weights


def test_free_bits_leave_a_divergence_below_them_without_gradient():
    family, net = exact()
    family.config = VAEConfig(latent=L, depth=0, free_bits=100.0, annealing="none")
    assert float(family.loss(net, Batch(ROWS), rng())["KL"]) == pytest.approx(100 * L / D)


def test_a_fitted_vae_finds_both_modes():
    chooser = np.random.default_rng(0)
    left = chooser.random(2000) < 0.3
    x = np.where(left[:, None], [-2, 1], [2, -1]) + 0.5 * chooser.normal(size=(2000, 2))
    draws = estimator("vae", latent=2, width=32, epochs=60).fit(x).sample(5000)
    assert (draws[:, 0] < 0).mean() == pytest.approx(left.mean(), abs=0.05)


def test_a_vae_learns_noise_that_depends_on_the_condition():
    chooser = np.random.default_rng(1)
    c = chooser.normal(size=(2000, 1))
    x = np.exp(c) * chooser.normal(size=(2000, 1))
    law = estimator("vae", latent=1, width=16, epochs=30, noise="by code", batch_size=64, learning_rate=5e-3).fit(x, c)
    calm, wild = law.sample(4000, [-1.0]).std(), law.sample(4000, [1.0]).std()
    assert wild / calm == pytest.approx(np.exp(2), rel=0.25)
