"""What the verbs of the command line share: reading what was typed, and tables written whole. Light to import."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import SettingsError

if TYPE_CHECKING:
    import pandas as pd


def whole(text: str) -> int:
    """A whole number, as a type of argparse."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number; found {text[:40]!r}") from None


def beta(text: str) -> float:
    """β ≥ 0.

    Raises:
        SettingsError: for anything else.
    """
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise SettingsError(f"expected --beta as a number >= 0, or auto; found {text[:40]!r}")
    return value


def day(text: str) -> str:
    """A date as YYYY-MM-DD.

    Raises:
        SettingsError: for anything else.
    """
    import datetime

    try:
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError:
        raise SettingsError(f"expected --date as YYYY-MM-DD; found {text[:40]!r}") from None


def table_suffix(path: Path) -> str:
    """``.csv`` or ``.parquet``.

    Raises:
        SettingsError: for another.
    """
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise SettingsError(f"expected --out to end in .csv or .parquet; found {path.name!r}")
    return suffix


def write_table(path: Path, table: pd.DataFrame) -> None:
    """A whole file or none."""
    import io

    from engine import workspace

    buffer = io.BytesIO()
    if table_suffix(path) == ".csv":
        table.to_csv(buffer, index=False)
    else:
        table.to_parquet(buffer, index=False)
    workspace.write_whole(path, buffer.getvalue())
