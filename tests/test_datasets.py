"""What the dataset picker lists: nothing that lies in a folder can take the list down, and nothing is lost."""

import json
from pathlib import Path

import pytest

from engine import datasets, workspace
from engine.errors import MarketDataError
from engine.market import export
from engine.market.grid import CH2_GRID
from engine.market.intake.templates import templates
from engine.models.simulated.market import simulate

TEMPLATES = {t.file: t.content for t in templates()}
WIDE = TEMPLATES["surfaces_wide.csv"]


def uploads() -> list[str]:
    return [entry.label for entry in datasets.catalogue() if entry.origin == "upload"]


def test_an_upload_comes_back_with_its_name_and_the_same_fingerprint() -> None:
    stored = datasets.store_upload([("<b>../x.csv", WIDE)])
    again = datasets.load(stored.entry.id)
    assert uploads() == ["<b>../x.csv"] and again.data.fingerprint == stored.data.fingerprint
    assert sorted(p.suffix for p in workspace.uploads_dir().iterdir()) == [".csv", ".json"]


@pytest.mark.parametrize(
    "damage",
    [
        b'{"label": "x"',
        b"[]",
        b"\xff\xfe\x00",
        b"{}",
        b"null",
        b'{"label": "x", "kind": "surfaces", "version": "1", "files": [1], "reading": {}}',
        b'{"label": "x", "kind": "surfaces", "version": "1", "files": [], "reading": 3}',
        b'{"label": "x", "kind": "nonsense", "version": "1", "files": [], "reading": {}}',
        b'{"label": "x", "kind": "surfaces", "version": "1", "files": [], "reading": {}}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_note_hides_no_other_data(damage: bytes) -> None:
    datasets.store_upload([("good.csv", WIDE)])
    (workspace.uploads_dir() / "upload-damaged.json").write_bytes(damage)
    assert uploads() == ["good.csv"]
    assert (workspace.uploads_dir() / "upload-damaged.json").exists()


def test_an_upload_whose_file_is_gone_is_one_sentence() -> None:
    stored = datasets.store_upload([("good.csv", WIDE)])
    for path in workspace.uploads_dir().glob("*.csv"):
        path.unlink()
    with pytest.raises(MarketDataError) as error:
        datasets.load(stored.entry.id)
    assert "\n" not in str(error.value)


def test_removing_an_upload_keeps_a_file_that_another_one_needs() -> None:
    first = datasets.store_upload([("a.csv", WIDE)])
    second = datasets.store_upload([("a.csv", WIDE)], reading={"iv_unit": "decimal"})
    datasets.forget_upload(first.entry.id)
    assert len(datasets.load(second.entry.id).data) == len(first.data)
    datasets.forget_upload(second.entry.id)
    assert not uploads() and not list(workspace.uploads_dir().iterdir())


def test_the_local_folder_lists_what_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in (("mine.csv", WIDE), ("notes.txt", b"hello\n"), ("bad.parquet", b"PAR1"), ("x.json", b"{}")):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "nowhere.csv").symlink_to(tmp_path / "absent.csv")
    monkeypatch.setenv("SCENARIST_DATA", str(tmp_path))
    assert [entry.label for entry in datasets.catalogue() if entry.origin == "local"] == ["mine.csv"]
    assert datasets.load("local-mine.csv").origin == "local"
    monkeypatch.setenv("SCENARIST_DATA", str(tmp_path / "absent"))
    assert not [entry for entry in datasets.catalogue() if entry.origin == "local"]


def test_a_sector_map_is_found_by_path_and_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = "ticker,sector_etf\nKO,XLP\n"
    (tmp_path / "map.csv").write_text(content)
    assert datasets.sector_map(str(tmp_path / "map.csv")) == ({"KO": "XLP"}, tmp_path / "map.csv")
    with pytest.raises(MarketDataError, match=r"found none at 'map\.csv'"):
        datasets.sector_map("map.csv")
    monkeypatch.setenv("SCENARIST_DATA", str(tmp_path))
    assert datasets.sector_map("map.csv")[0] == {"KO": "XLP"}
    (workspace.uploads_dir() / "other.csv").parent.mkdir(parents=True, exist_ok=True)
    (workspace.uploads_dir() / "other.csv").write_text(content)
    assert datasets.sector_map("other.csv")[1] == workspace.uploads_dir() / "other.csv"


def test_what_was_left_out_is_said() -> None:
    rows = "date,ticker,close\n2020-01-02,KO,10\n2020-01-03,KO,0\n2020-01-06,KO,11\n"
    found = datasets.store_upload([("zero.csv", rows.encode())])
    assert found.left_out == "1 row left out, the first: close must be > 0"
    assert datasets.load("indices").left_out == ""


def test_notes_are_json_a_person_can_read() -> None:
    stored = datasets.store_upload([("é.csv", WIDE)])
    note = json.loads((workspace.uploads_dir() / f"{stored.entry.id}.json").read_text(encoding="utf-8"))
    assert note["label"] == "é.csv" and note["kind"] == "surfaces"


def test_built_in_data_are_known_by_name_and_others_by_their_content() -> None:
    market = datasets.load("simulated-10x8")
    facts = {"origin": "built-in", "fingerprint": "drawn elsewhere"}
    assert market.is_that(name=market.label, **facts) and market.is_that(ref="simulated-10x8", **facts)
    assert not market.is_that(name="Simulated market, 11×9 grid (22 years)", ref="simulated-11x9", **facts)
    assert not market.is_that(origin="upload", fingerprint=market.data.fingerprint, name=market.label)
    content = export.surfaces_table(simulate(CH2_GRID, 30, seed=1).history).to_csv(index=False).encode()
    upload = datasets.store_upload([("mine.csv", content)])
    assert upload.is_that(origin="local", fingerprint=upload.data.digest, name="called otherwise")
    assert not upload.is_that(origin="upload", fingerprint="0" * 12, name="mine.csv")
    assert not upload.is_that(origin="upload", fingerprint="", name="mine.csv")
