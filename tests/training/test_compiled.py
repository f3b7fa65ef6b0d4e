"""Compiled functions kept on disk: valid for the sources of everything they call."""

import subprocess
import sys
from pathlib import Path

from engine.models.fingan import kernel as fingan_kernel
from engine.models.fingan import networks as fingan
from engine.models.fingan import recurrent_kernels
from engine.training import threefry
from engine.training.compiled import sources

MAIN = """
import sys
sys.path.insert(0, {folder!r})
import outer
print(outer.twice_plus(3))
"""
OUTER = """
from engine.training.compiled import compiled
import inner

@compiled(cache=True)
def twice_plus(x):
    return 2 * inner.plus(x)
"""
INNER = """
from engine.training.compiled import compiled

@compiled()
def plus(x):
    return x + {step}
"""


def test_kept_code_does_not_outlive_a_function_of_another_file(tmp_path):
    (tmp_path / "outer.py").write_text(OUTER)
    project = Path(__file__).resolve().parents[2]
    found = []
    for step in (1, 1, 5):
        (tmp_path / "inner.py").write_text(INNER.format(step=step))
        done = subprocess.run(
            [sys.executable, "-c", MAIN.format(folder=str(tmp_path))],
            cwd=project,
            capture_output=True,
            text=True,
            check=True,
        )
        found.append(int(done.stdout))
    assert found == [8, 8, 16]
    assert list(tmp_path.glob("__pycache__/outer.*.nbc"))


def test_the_sources_of_a_kernel_are_all_it_is_made_of():
    files = {path.name for path in sources(fingan_kernel.train_epoch)}
    modules = (fingan_kernel, recurrent_kernels, threefry, fingan)
    assert files >= {Path(module.__file__).name for module in modules}
