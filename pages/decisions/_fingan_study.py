"""A finished Fin-GAN study on the page: its name, the command that repeats it, the prices it is about."""

import shlex
from dataclasses import replace

from engine.datasets import Loaded
from engine.market.price_history import PriceHistory
from engine.runs.studies import StudyResult
from pages.ui import cache, datasets


def words(result: StudyResult) -> str:
    """A finished study in a list. Plain text: names come from people."""
    seeds = int(result.settings["seeds"])
    return f"{result.data['name']} · {seeds} {'seed' if seeds == 1 else 'seeds'} · {result.directory.name}"


def about(result: StudyResult) -> str:
    """A study in the strip: its run and the data it was carried out on. Plain text."""
    first, last = result.data["period"]
    fingerprint = str(result.data["digest"])[:12]
    return f"study {result.directory.name} of {result.data['name']} · {first} to {last} · fingerprint {fingerprint}"


def command(result: StudyResult) -> str:
    """What repeats a study, of Fin-GAN or of graphs."""
    parts = ["python", "-m", "engine", "study", result.name, "--data", str(result.data["ref"])]
    if result.data.get("sectors"):
        parts += ["--sectors", str(result.data["sectors"])]
    for name, about in result.inputs.items():
        parts += [f"--{name}", str(about["ref"])]
    pairs = [part for name, value in result.settings.items() for part in ("--set", f"{name}={value}")]
    return shlex.join([*parts, "--run", f"{result.directory.name}-again", *pairs])


def prices_of(result: StudyResult, loaded: Loaded | None) -> PriceHistory | None:
    """The loaded prices with the study's sector map, if they are the very ones it was carried out on."""
    if loaded is None or not isinstance(loaded.data, PriceHistory):
        return None
    listed = cache.study_table(result, "tickers").dropna(subset="sector")
    sectors = {str(row.ticker): str(row.sector) for row in listed.itertuples()}
    mapped = replace(loaded.data, sector_of=sectors)
    about = {**result.data, "digest": result.data.get("prices", result.data["digest"])}
    return mapped if datasets.same(about, loaded) or mapped.digest == result.data["digest"] else None
