"""``python -m engine`` with the slow walk among its models."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from engine.__main__ import main
from engine.models.registry import SPECS, Spec

SPECS["slow_walk"] = Spec("slow_walk", "Slow walk", "fake_generator:SlowWalk")

if __name__ == "__main__":
    sys.exit(main())
