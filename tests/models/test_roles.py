"""What a registered model is in a comparison: baseline, learned, or the true law."""

import pytest

from engine.models.surface_model import BASELINES, SURFACE_MODELS, TRUE_LAWS, role


def test_baselines_and_true_laws_are_registered_and_apart() -> None:
    assert set(SURFACE_MODELS) >= BASELINES | TRUE_LAWS
    assert not BASELINES & TRUE_LAWS


@pytest.mark.parametrize(
    ("name", "expected"),
    [("fhs", "baseline"), ("linear_anchor", "baseline"), ("simulated_market", "true law"), ("volgan", "learned")],
)
def test_a_model_has_its_role_and_a_new_one_counts_as_learned(name: str, expected: str) -> None:
    assert role(name) == expected
    assert role("never registered") == "learned"
