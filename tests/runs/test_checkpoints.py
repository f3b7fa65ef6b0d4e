"""Checkpoints: what is saved comes back, and what is broken, foreign or hostile is one sentence and nothing else."""

import contextlib
import errno
import hashlib
import io
import json
import os
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_samples import GRID, card_of, fitted

from engine import tensor_file
from engine.errors import CheckpointError
from engine.market.grid import Grid
from engine.runs import cards, checkpoints, run_directory
from engine.runs.run_directory import CARD, WEIGHTS


def one_sentence(error: pytest.ExceptionInfo[CheckpointError]) -> str:
    message = str(error.value)
    assert message and "\n" not in message and len(message) < 400 and "Traceback" not in message
    return message


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file() and not path.is_symlink()}


def rewrite(directory: Path, change: Callable[[dict[str, Any]], None]) -> None:
    card = json.loads((directory / CARD).read_text())
    change(card)
    (directory / CARD).write_text(json.dumps(card))


def replace_weights(directory: Path, content: bytes) -> None:
    """New weights with a card that vouches for them, as a forger would."""
    (directory / WEIGHTS).write_bytes(content)
    rewrite(directory, lambda card: card.update(weights_sha256=hashlib.sha256(content).hexdigest()))


def test_what_is_saved_comes_back(checkpoint: Path) -> None:
    model, card = checkpoints.load(checkpoint)
    np.testing.assert_array_equal(model.state()["weights"], fitted().weights)
    expected = card_of(fitted(), weights_digest=card.weights_digest, created=card.created)
    assert card == expected
    assert checkpoints.read_card(checkpoint) == card
    assert set(contents(checkpoint)) == {CARD, WEIGHTS}
    assert card.versions["numpy"] == np.__version__


def test_loading_imports_no_torch_and_no_pickle() -> None:
    import subprocess
    import sys

    code = "import sys, engine.runs.checkpoints, engine.runs.jobs; print({'torch', 'streamlit'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"


@pytest.mark.parametrize(
    "array",
    [
        np.array(3),
        np.arange(6.0).reshape(2, 3).T,
        np.arange(6, dtype=">f8")[::2],
        np.zeros((0, 3)),
        np.array([True, False]),
        np.arange(4, dtype=np.uint8),
    ],
)
def test_arrays_of_any_layout_come_back(array: np.ndarray) -> None:
    back = tensor_file.from_bytes(tensor_file.to_bytes({"x": array}), "x")["x"]
    np.testing.assert_array_equal(back, array)
    assert back.shape == array.shape and back.flags.writeable


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_fail_otherwise(content: bytes) -> None:
    with contextlib.suppress(CheckpointError):
        tensor_file.from_bytes(content, "x")


@given(st.integers(0, 300), st.integers(0, 255))
def test_no_flipped_byte_makes_the_reader_fail_otherwise(position: int, value: int) -> None:
    good = bytearray(tensor_file.to_bytes({"x": np.arange(6.0), "y": np.arange(3, dtype=np.int64)}))
    good[position % len(good)] = value
    with contextlib.suppress(CheckpointError):
        tensor_file.from_bytes(bytes(good), "x")


@pytest.mark.parametrize("kept", [0, 4, 9, 40, -1])
def test_truncated_weights(checkpoint: Path, kept: int) -> None:
    whole = (checkpoint / WEIGHTS).read_bytes()
    (checkpoint / WEIGHTS).write_bytes(whole[:kept])
    with pytest.raises(CheckpointError) as error:
        checkpoints.load(checkpoint)
    assert WEIGHTS in one_sentence(error)


def safetensors(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype: str = "F64", shape: Any = (3, 2), end: int = 48) -> dict[str, Any]:
    return {"weights": {"dtype": dtype, "shape": list(shape), "data_offsets": [0, end]}}


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x04\x95pickle",
        safetensors({}, length=1 << 62),
        safetensors({}, length=200 << 20),
        safetensors(b"[" * 100_000),
        safetensors([1, 2]),
        safetensors({"weights": 3}),
        safetensors(entry(end=1 << 60)),
        safetensors(entry(end=-1)),
        safetensors(entry(dtype="BF16", end=12), bytes(12)),
        safetensors(entry(dtype="PICKLE"), bytes(48)),
        safetensors(entry(shape=(1 << 40, 1 << 40)), bytes(48)),
        safetensors({f"w{k}": entry(shape=(0,), end=0)["weights"] for k in range(10_001)}),
        safetensors(entry(), bytes(48) + b"more"),
    ],
)
def test_hostile_weights(checkpoint: Path, content: bytes) -> None:
    replace_weights(checkpoint, content)
    before = contents(checkpoint)
    with pytest.raises(CheckpointError) as error:
        checkpoints.load(checkpoint)
    one_sentence(error)
    assert contents(checkpoint) == before


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"weights": np.full((3, 2), np.nan)}, "finite"),
        ({"weights": np.full((3, 2), np.inf)}, "finite"),
        ({"weights": np.zeros((2, 3))}, "walk"),
        ({"weights": np.zeros((3, 2), dtype=np.int64)}, "walk"),
        ({"other": np.zeros((3, 2))}, "walk"),
        ({}, "walk"),
    ],
)
def test_weights_that_do_not_fit(checkpoint: Path, state: dict[str, np.ndarray], words: str) -> None:
    replace_weights(checkpoint, tensor_file.to_bytes(state))
    with pytest.raises(CheckpointError, match=words):
        checkpoints.load(checkpoint)


def test_weights_of_another_grid(checkpoint: Path) -> None:
    rewrite(
        checkpoint,
        lambda card: card.update(domain={"kind": "grid", **Grid([0.8, 0.9, 1.0, 1.1], [0.25, 0.5]).to_dict()}),
    )
    with pytest.raises(CheckpointError, match="4 moneyness x 2 maturities"):
        checkpoints.load(checkpoint)


def test_weights_of_another_checkpoint(checkpoint: Path) -> None:
    (checkpoint / WEIGHTS).write_bytes(tensor_file.to_bytes({"weights": np.ones((3, 2))}))
    with pytest.raises(CheckpointError, match="SHA-256"):
        checkpoints.load(checkpoint)


def test_weights_that_are_not_finite_are_not_saved(tmp_path: Path) -> None:
    model = fitted()
    model.weights[0, 0] = np.nan
    with pytest.raises(CheckpointError, match="finite"):
        checkpoints.save(tmp_path / "new", model, card_of(model))
    assert not (tmp_path / "new").exists()


def test_a_newer_format_is_named(checkpoint: Path) -> None:
    rewrite(checkpoint, lambda card: card.update(format=cards.FORMAT + 1))
    with pytest.raises(CheckpointError, match="newer version"):
        checkpoints.load(checkpoint)


def test_a_card_of_the_first_format_is_one_of_tomorrow_s_surfaces(checkpoint: Path) -> None:
    def back(card: dict[str, Any]) -> None:
        grid = {name: axis for name, axis in card.pop("domain").items() if name != "kind"}
        card.update(format=1, grid=grid)
        del card["task"]

    newer = checkpoints.read_card(checkpoint)
    rewrite(checkpoint, back)
    model, card = checkpoints.load(checkpoint)
    assert (card.grid, card.task) == (newer.grid, "next_day") and card.grid is not None and model.name == card.model


def set_to(*path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(card: dict[str, Any]) -> None:
        for name in path[:-1]:
            card = card[name]
        if value is None:
            del card[path[-1]]
        else:
            card[path[-1]] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        set_to("format", value=0),
        set_to("format", value=True),
        set_to("format", value="1"),
        set_to("format", value=None),
        *[set_to(name, value=None) for name in card_of(fitted()).to_dict()],
        *[set_to(name, value=[[[[1]]]]) for name in card_of(fitted()).to_dict()],
        *[set_to(name, value={"x": {"y": 1}}) for name in card_of(fitted()).to_dict()],
        set_to("model", value="no_such_model"),
        set_to("model", value="os:system"),
        set_to("label", value="x" * 301),
        set_to("label", value="bell \x07"),
        set_to("label", value="\ud800"),
        set_to("config", value={"epochs": 0}),
        set_to("config", value={"epochs": "many"}),
        set_to("config", value={"no_such": 1}),
        set_to("config", value={"epochs": [1]}),
        set_to("config", value={str(k): k for k in range(2_000)}),
        set_to("domain", "moneyness", value=[1.0]),
        set_to("domain", "moneyness", value=[1.1, 1.0, 0.9]),
        set_to("domain", "moneyness", value=["a", "b", "c"]),
        set_to("domain", "moneyness", value=[True, 2, 3]),
        set_to("domain", "moneyness", value=[1, 2, 10**400]),
        set_to("domain", "moneyness", value=list(range(1, 2_000))),
        set_to("domain", "maturity", value=None),
        set_to("data", "name", value=7),
        set_to("data", "period", value=["2020-01-01"]),
        set_to("data", "period", value=["yesterday", "today"]),
        set_to("trained_on", value=[1, 2]),
        set_to("seed", value=-1),
        set_to("seed", value=1.5),
        set_to("seed", value=True),
        set_to("seed", value=1 << 70),
        set_to("metrics", value={"size": "large"}),
        set_to("weights_sha256", value="../../etc/passwd"),
    ],
)
def test_hostile_cards(checkpoint: Path, change: Callable[[dict[str, Any]], None]) -> None:
    rewrite(checkpoint, change)
    with pytest.raises(CheckpointError) as error:
        checkpoints.load(checkpoint)
    one_sentence(error)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[1]",
        b"not json",
        b"\xff\xfe\x00",
        b"[" * 200_000,
        b'{"format":' * 40_000,
        b'{"format": 1, "seed": NaN}',
        b'{"format": 1, "seed": 1' + b"0" * 5_000 + b"}",
        b'{"format": 1, "label": "' + b"x" * (300 << 10) + b'"}',
    ],
)
def test_hostile_json(checkpoint: Path, content: bytes) -> None:
    (checkpoint / CARD).write_bytes(content)
    with pytest.raises(CheckpointError) as error:
        checkpoints.load(checkpoint)
    one_sentence(error)


@pytest.mark.parametrize("name", [CARD, WEIGHTS])
def test_a_missing_file(checkpoint: Path, name: str) -> None:
    (checkpoint / name).unlink()
    with pytest.raises(CheckpointError, match=f"expected the file {name}"):
        checkpoints.load(checkpoint)


@pytest.mark.parametrize("name", [CARD, WEIGHTS])
@pytest.mark.parametrize("kind", ["link", "broken link", "folder", "pipe"])
def test_only_regular_files_are_read(checkpoint: Path, tmp_path: Path, name: str, kind: str) -> None:
    path = checkpoint / name
    elsewhere = tmp_path / "elsewhere"
    if kind == "link":
        path.rename(elsewhere)
    else:
        path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(elsewhere)
    with pytest.raises(CheckpointError) as error:
        checkpoints.load(checkpoint)
    one_sentence(error)


def test_a_file_over_the_limit_is_not_read(checkpoint: Path) -> None:
    with (checkpoint / WEIGHTS).open("r+b") as file:
        file.truncate(checkpoints.MOST_WEIGHT_BYTES + 1)  # sparse: takes no room
    with pytest.raises(CheckpointError, match="at most"):
        checkpoints.load(checkpoint)


@pytest.mark.parametrize("failing", ["first write", "second write", "sync"])
def test_a_full_disk_leaves_the_old_checkpoint(checkpoint: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    before = contents(checkpoint)
    calls = {"n": 0}
    real_sync = os.fsync

    def full(handle: int) -> None:
        calls["n"] += 1
        if failing == "sync" or calls["n"] == {"first write": 1, "second write": 2}[failing]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real_sync(handle)

    monkeypatch.setattr(os, "fsync", full)
    model = fitted(epochs=9)
    model.weights = model.weights + 1
    with pytest.raises(OSError, match="No space left"):
        checkpoints.save(checkpoint, model, card_of(model))
    assert contents(checkpoint) == before
    checkpoints.load(checkpoint)


def test_zip_round_trip(checkpoint: Path) -> None:
    packed = checkpoints.export_zip(checkpoint)
    copy = checkpoints.import_zip(packed, "../../My checkpoint (1).zip")
    assert copy.parent == checkpoint.parent and copy.name == "my-checkpoint-1"
    assert contents(copy) == contents(checkpoint)
    again = checkpoints.import_zip(packed, "My checkpoint (1).zip")
    assert again != copy and again.parent == copy.parent
    assert stat.S_IMODE(copy.stat().st_mode) == 0o755


def test_the_two_files_alone(checkpoint: Path) -> None:
    both = contents(checkpoint)
    copy = checkpoints.import_files(both[CARD], both[WEIGHTS])
    assert copy.name.startswith("slow_walk-a-market") and contents(copy) == both


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", how) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


def linked(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def test_a_zip_with_one_folder_and_other_files_is_read(checkpoint: Path) -> None:
    both = contents(checkpoint)
    packed = zipped(
        ("walk/", b""),
        (f"walk/{CARD}", both[CARD]),
        (f"walk/{WEIGHTS}", both[WEIGHTS]),
        (f"__MACOSX/{CARD}", b"x"),
        ("walk/readme.txt", b"hello"),
    )
    assert set(contents(checkpoints.import_zip(packed))) == {CARD, WEIGHTS}


HOSTILE_ZIPS = (
    "no zip",
    "empty",
    "truncated",
    "no weights",
    "no card",
    "twice",
    "climbing",
    "climbing card",
    "absolute",
    "backslashes",
    "drive",
    "link",
    "many",
    "bomb",
    "card bomb",
    "lzma",
    "encrypted",
    "broken",
)


def hostile_zip(kind: str, card: bytes, weights: bytes) -> bytes:
    good = ((CARD, card), (WEIGHTS, weights))
    encrypted = bytearray(zipped(*good))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = encrypted.find(mark)
        while at >= 0:
            encrypted[at + offset] |= 1
            at = encrypted.find(mark, at + 1)
    broken = bytearray(zipped(*good, how=zipfile.ZIP_STORED))
    broken[broken.find(weights) + len(weights) - 1] ^= 1
    made: dict[str, Callable[[], bytes]] = {
        "no zip": lambda: b"nothing of the kind",
        "empty": lambda: b"",
        "truncated": lambda: zipped(*good)[:-30],
        "no weights": lambda: zipped(good[0]),
        "no card": lambda: zipped(good[1]),
        "twice": lambda: zipped(*good, (f"folder/{CARD}", card)),
        "climbing": lambda: zipped(*good, ("../../evil", b"x")),
        "climbing card": lambda: zipped((f"../{CARD}", card), good[1]),
        "absolute": lambda: zipped(*good, ("/etc/evil", b"x")),
        "backslashes": lambda: zipped(*good, ("..\\evil", b"x")),
        "drive": lambda: zipped(*good, ("C:evil", b"x")),
        "link": lambda: zipped((linked(CARD), b"/etc/passwd"), good[1]),
        "many": lambda: zipped(*good, *[(f"f{k}", b"") for k in range(40)]),
        "bomb": lambda: zipped(good[0], (WEIGHTS, bytes(checkpoints.MOST_IMPORT_BYTES + 1))),
        "card bomb": lambda: zipped((CARD, bytes(10 << 20)), good[1]),
        "lzma": lambda: zipped(*good, how=zipfile.ZIP_LZMA),
        "encrypted": lambda: bytes(encrypted),
        "broken": lambda: bytes(broken),
    }
    return made[kind]()


@pytest.mark.parametrize("kind", HOSTILE_ZIPS)
def test_hostile_zips_leave_nothing_behind(checkpoint: Path, tmp_path: Path, kind: str) -> None:
    both = contents(checkpoint)
    packed = hostile_zip(kind, both[CARD], both[WEIGHTS])
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    with pytest.raises(CheckpointError) as error:
        checkpoints.import_zip(packed, "x")
    one_sentence(error)
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


def test_a_bad_checkpoint_in_a_good_zip_leaves_nothing_behind(checkpoint: Path) -> None:
    before = sorted(path.name for path in checkpoint.parent.iterdir())
    for card, weights in [(b"{}", b""), (contents(checkpoint)[CARD], b"short")]:
        with pytest.raises(CheckpointError):
            checkpoints.import_zip(zipped((CARD, card), (WEIGHTS, weights)))
    assert sorted(path.name for path in checkpoint.parent.iterdir()) == before


def test_a_broken_checkpoint_is_not_exported(checkpoint: Path) -> None:
    (checkpoint / WEIGHTS).write_bytes(b"x")
    with pytest.raises(CheckpointError):
        checkpoints.export_zip(checkpoint)


def test_the_catalogue_lists_broken_ones_with_the_reason(checkpoint: Path) -> None:
    broken = checkpoint.parent / "broken"
    broken.mkdir()
    (broken / CARD).write_text("[]")
    own = {listed.name: listed for listed in checkpoints.catalogue() if not listed.shipped}
    assert set(own) == {"walk", "broken"}
    assert own["walk"].card is not None and own["walk"].problem == ""
    assert own["broken"].card is None and "JSON object" in own["broken"].problem
    (checkpoint / WEIGHTS).unlink()
    (one,) = (listed for listed in checkpoints.catalogue() if listed.name == "walk")
    assert one.card is None and WEIGHTS in one.problem


def test_find_takes_names_and_paths(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checkpoints.find("walk") == checkpoint
    assert checkpoints.find(str(checkpoint)) == checkpoint
    monkeypatch.chdir(checkpoint.parent)
    assert checkpoints.find("./walk") == checkpoint
    for name in ("none", "/no/such"):
        with pytest.raises(CheckpointError):
            checkpoints.find(name)


@settings(max_examples=50)
@given(st.text(max_size=100))
def test_any_text_becomes_a_safe_directory_name(text: str) -> None:
    name = run_directory.slug(text)
    assert run_directory.NAME.fullmatch(name) and "/" not in name and ".." not in name and len(name) <= 60


@settings(max_examples=50)
@given(st.text(max_size=300))
def test_any_label_can_be_written_and_read(text: str) -> None:
    card = card_of(fitted(), data_name=cards.printable(text), weights_digest="0" * 64)
    assert cards.Card.from_bytes(card.to_bytes()) == card


def test_the_grid_of_a_card_is_exact() -> None:
    card = card_of(fitted(), domain=Grid(np.linspace(0.6, 1.4, 10), np.array([30, 61]) / 365), weights_digest="0" * 64)
    assert cards.Card.from_bytes(card.to_bytes()).grid == card.grid != GRID
