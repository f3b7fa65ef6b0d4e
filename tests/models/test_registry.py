"""The registry: what every list in the product derives from."""

import subprocess
import sys

import pytest

from engine.errors import SettingsError
from engine.models import registry
from engine.models.registry import Spec


def test_every_model_says_of_itself_what_the_registry_says() -> None:
    for name in registry.next_day():
        kind = registry.surface_model(name)
        assert (kind.name, kind.label) == (name, registry.label(name))
        assert len(registry.spec(name).method) > 100


@pytest.mark.parametrize(
    ("name", "expected"),
    [("fhs", "baseline"), ("linear_anchor", "baseline"), ("simulated_market", "true law"), ("volgan", "learned")],
)
def test_a_model_has_its_role_and_a_new_one_counts_as_learned(name: str, expected: str) -> None:
    assert registry.role(name) == expected
    assert registry.role("never registered") == "learned"


def test_lists_derive_from_specs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert registry.on_the_spot()[0] == "two_speed"
    assert "persistence" in registry.refitted() and "persistence" not in registry.on_the_spot()  # no risk to hedge
    assert "simulated_market" not in {*registry.refitted(), *registry.fitted_once(), *registry.on_the_spot()}
    assert "volgan" not in {*registry.refitted(), *registry.fitted_once(), *registry.on_the_spot()}  # minutes
    quick = Spec("toy", "Toy", "toys:Toy", seconds_to_fit=1)
    slow = Spec("slow_toy", "Slow toy", "toys:Slow", seconds_to_fit=60)
    elsewhere = Spec("other", "Other", "toys:Other", tasks=("plane",))
    for one in (quick, slow, elsewhere):
        monkeypatch.setitem(registry.SPECS, one.name, one)
    assert {"toy", "slow_toy"} <= {*registry.next_day()} and "other" not in registry.next_day()
    assert "toy" in registry.on_the_spot() and "toy" in registry.refitted()
    assert "slow_toy" in registry.fitted_once() and "slow_toy" not in registry.on_the_spot()
    assert registry.of_task("plane")[-1] is elsewhere


def test_an_unknown_name_is_refused_in_one_sentence() -> None:
    with pytest.raises(SettingsError, match="expected a model among two_speed"):
        registry.surface_model("nothing")
    with pytest.raises(SettingsError, match="expected a model among two_speed"):
        registry.spec("nothing")


def test_listing_models_imports_none_of_them() -> None:
    code = "import sys; from engine.models import registry; registry.on_the_spot(); "
    code += "sys.exit(any(name in sys.modules for name in ('torch', 'numpy', 'engine.models.volgan.model')))"
    subprocess.run([sys.executable, "-c", code], check=True)
