"""The market data page: add, be asked, see what was read and rejected, and nothing ever lost."""

import datetime
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from engine import datasets, workspace
from engine.market import intake
from engine.market.intake.templates import templates

TEMPLATES = {t.file: t.content for t in templates()}


@pytest.fixture(scope="module")
def derived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the app derives and caches on disk, shared by these tests: the simulated market is drawn once."""
    return tmp_path_factory.mktemp("derived")


@pytest.fixture
def page(scenarist_home: Path, derived: Path) -> AppTest:
    scenarist_home.mkdir()
    (scenarist_home / "cache").symlink_to(derived)
    return opened()


def opened() -> AppTest:
    """The page inside the app, whose menu its links need."""
    app = AppTest.from_file("../../app.py", default_timeout=60)
    return app.switch_page("pages/data/market_data.py").run()


def drop(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    app.file_uploader[0].set_value([(name, content, "text/csv") for name, content in files]).run()
    assert not app.exception
    return app


def shown(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def tab(app: AppTest, name: str) -> AppTest:
    app.session_state["market_tab"] = name
    return app.run()


def texts(app: AppTest) -> str:
    return "\n".join(element.value for element in app.text)


def test_the_first_visit_shows_built_in_data_at_once(page: AppTest) -> None:
    assert not page.exception and not page.error
    assert shown(page)["Grid"] == "10 × 8" and shown(page)["Rejected"] == "none"
    assert "Simulated market" in texts(page)


@pytest.mark.parametrize("file", [f for f in TEMPLATES if f != "sectors.csv"])
def test_every_template_can_be_uploaded_and_previewed(page: AppTest, file: str) -> None:
    drop(page, (file, TEMPLATES[file]))
    assert not page.error and page.success and shown(page)["Rejected"] == "none"
    assert file in texts(page)
    for name in ("What was read", "Templates"):
        tab(page, name)
        assert not page.exception and not page.error


def test_rejected_rows_are_counted_listed_and_shown_first(page: AppTest) -> None:
    lines = TEMPLATES["surfaces_wide.csv"].decode().splitlines()
    lines[2] = lines[2].replace("2024-01-03", "soon")
    lines[4] = lines[4].replace(",", ",=1+1,", 1).rsplit(",", 1)[0]
    drop(page, ("broken.csv", "\n".join(lines).encode()))
    assert page.warning and shown(page)["Rejected"] == "2 rows" and shown(page)["Days"] == "8"
    table = page.dataframe[0].value
    assert table["line"].tolist() == [3, 5] and table["value"].tolist() == ["soon", "=1+1"]
    assert "8 of 10 rows of broken.csv kept; 2 rejected and listed" in texts(page)


def test_a_question_is_asked_and_its_answer_used(page: AppTest) -> None:
    ambiguous = b"date,close\n" + b"".join(b"0%d/03/2024,10\n" % day for day in range(1, 5))
    drop(page, ("KO.csv", ambiguous))
    assert any("day/month/year or month/day/year" in text.value for text in page.text)
    assert not datasets.catalogue("prices")[1:]  # nothing is stored before the answer
    page.radio(key="answer_choice").set_value("mdy")
    next(b for b in page.button if b.label == "Read the file").click().run()
    assert not page.exception and page.success and shown(page)["Tickers"] == "1"
    assert "2024-01-03 to 2024-04-03" in texts(page)
    assert datasets.load(datasets.catalogue("prices")[1].id).data.period == ("2024-01-03", "2024-04-03")


def test_the_sheet_of_a_workbook_is_asked_and_its_columns_are_those_of_the_answer(page: AppTest) -> None:
    buffer = io.BytesIO()
    with pd.ExcelWriter(buffer) as book:
        days = pd.bdate_range("2024-01-02", periods=3).date
        pd.DataFrame({"date": days, "close": [1.0, 2.0, 3.0]}).to_excel(book, sheet_name="One", index=False)
        pd.DataFrame({"date": days, "open": [7.0] * 3, "close": [8.0] * 3}).to_excel(
            book, sheet_name="Two", index=False
        )
    drop(page, ("KO.xlsx", buffer.getvalue()))
    assert any("Which sheet of KO.xlsx" in text.value for text in page.text)
    page.radio(key="answer_choice").set_value("Two")
    next(b for b in page.button if b.label == "Read the file").click().run()
    assert not page.exception and page.success
    loaded = datasets.load(datasets.catalogue("prices")[1].id)
    assert loaded.data.close[:, 0].tolist() == [8.0] * 3


def test_a_chain_without_day_and_spot_is_asked_twice_and_read(page: AppTest) -> None:
    content = b"expiry,strike,type,bid,ask\n" + b"".join(
        b"2024-0%d-15,%d,%s,1.0,1.2\n" % (month, strike, kind)
        for month in (3, 6)
        for strike in (95, 105)
        for kind in (b"C", b"P")
    )
    drop(page, ("chain.csv", content))
    page.date_input(key="answer_day").set_value(datetime.date(2024, 1, 2))
    next(b for b in page.button if b.label == "Read the file").click().run()
    assert any("What was the underlying price on 2024-01-02" in text.value for text in page.text)
    page.number_input(key="answer_number").set_value(100.0)
    next(b for b in page.button if b.label == "Read the file").click().run()
    assert not page.exception and page.success
    quotes = datasets.load(datasets.catalogue("quotes")[1].id).data
    assert quotes.period[0] == "2024-01-02" and set(quotes.table["spot"]) == {100.0}


def test_a_column_is_asked_for_and_mapped(page: AppTest) -> None:
    content = TEMPLATES["surfaces_wide.csv"].replace(b"date,spot", b"date,Kurs", 1)
    drop(page, ("s.csv", content))
    page.selectbox(key="answer_column").set_value("Kurs")
    next(b for b in page.button if b.label == "Read the file").click().run()
    assert not page.exception and page.success and shown(page)["Days"] == "10"


def test_the_full_mapper_reads_a_file_that_says_nothing_by_itself(page: AppTest) -> None:
    drop(page, ("x.csv", b"Tag,Kurs,spot\n2024-01-02,5,x\n2024-01-03,6,y\n"))
    assert any("What does x.csv hold" in text.value for text in page.text)
    page.selectbox(key="map_kind").set_value("prices").run()
    page.selectbox(key="map_prices_role_close").set_value("Kurs")
    page.text_input(key="map_prices_given_ticker").set_value("KO")
    next(b for b in page.button if b.label == "Read the file this way").click().run()
    assert not page.exception and page.success and shown(page)["Tickers"] == "1"
    assert datasets.load(datasets.catalogue("prices")[1].id).data.tickers == ("KO",)


def test_quotes_without_a_price_take_the_one_that_is_typed(page: AppTest) -> None:
    content = "\n".join(line.rsplit(",", 1)[0] for line in TEMPLATES["quotes_optionmetrics.csv"].decode().splitlines())
    drop(page, ("om.csv", content.encode()))
    page.number_input(key="answer_number").set_value(100.0)
    next(b for b in page.button if b.label == "Read the file").click().run()
    assert not page.exception and page.success and shown(page)["Quotes"] == "30"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "empty file"),
        (bytes(range(256)), "not text"),
        (b"just words\nno table\n", "found one column"),
        (b"date,spot,iv_30d_0.9,iv_30d_1,iv_30d_1.1\n2020-01-02,1,0.2,0.2,0.2\n", "at least two maturities"),
        (TEMPLATES["sectors.csv"], "sector map alone"),
    ],
)
def test_a_bad_file_gets_one_sentence_and_changes_nothing(page: AppTest, content: bytes, sentence: str) -> None:
    before = shown(page)
    drop(page, ("bad.csv", content))
    assert len(page.error) == 1 and sentence in page.error[0].value.replace("\\", "")
    assert shown(page) == before and not [e for e in datasets.catalogue() if e.origin == "upload"]


def test_a_full_disk_gets_one_sentence_and_changes_nothing(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.workspace.write_whole", full)
    drop(page, ("s.csv", TEMPLATES["surfaces_wide.csv"]))
    assert "No space left on device" in page.error[0].value
    assert shown(page)["Grid"] == "10 × 8"


def test_markup_and_paths_in_names_and_cells_stay_text(page: AppTest) -> None:
    name = "../../![x](http:a)<script>.csv"
    broken = TEMPLATES["surfaces_wide.csv"].replace(b"100.0", b"<b>![x](http://a/b.png)</b>", 1)
    drop(page, (name, broken))
    assert shown(page)["Rejected"] == "1 row"
    for element in (*page.markdown, *page.warning, *page.success, *page.caption):
        assert "<script>" not in element.value.replace("\\<script\\>", "") and "![x](" not in element.value
    stored = [path.name for path in workspace.uploads_dir().iterdir()]
    assert all(".." not in file and "script" not in file for file in stored)


def test_an_upload_can_be_read_differently_and_removed(page: AppTest) -> None:
    drop(page, ("s.csv", TEMPLATES["surfaces_wide.csv"]))
    tab(page, "What was read")
    first = [e.id for e in datasets.catalogue() if e.origin == "upload"]
    page.selectbox(key=f"again_{first[0]}_option_iv_unit").set_value("percent")
    next(b for b in page.button if b.label == "Read the file this way").click().run()
    assert not page.exception and "vols read as percent, as asked" in texts(tab(page, "What was read"))
    second = [e.id for e in datasets.catalogue() if e.origin == "upload"]
    assert len(second) == 1 and second != first
    page.button(key="market_forget").click().run()
    assert not page.exception and not [e for e in datasets.catalogue() if e.origin == "upload"]
    assert shown(page)["Grid"] == "10 × 8"


@pytest.mark.parametrize(("kind", "label"), [("quotes", "Expiries"), ("prices", "Tickers")])
def test_every_kind_has_something_to_look_at_before_any_upload(page: AppTest, kind: str, label: str) -> None:
    page.session_state["market_kind"] = kind
    page.run()
    assert not page.exception and not page.error and int(shown(page)[label].replace(",", "")) >= 1


def test_the_local_folder_is_listed_and_its_unclear_files_can_be_asked_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "KO.csv").write_bytes(TEMPLATES["AAA.csv"])
    (tmp_path / "unclear.csv").write_bytes(b"Tag,Kurs,spot\n2024-01-02,5,x\n2024-01-03,6,y\n")
    monkeypatch.setenv("SCENARIST_DATA", str(tmp_path))
    app = opened()
    assert "KO.csv" in [entry.label for entry in datasets.catalogue("prices")]
    assert app.selectbox(key="market_local").options == ["unclear.csv"]
    app.selectbox(key="market_local").set_value("unclear.csv").run()
    assert not app.exception and any("What does unclear.csv hold" in text.value for text in app.text)


def test_several_files_are_read_together(page: AppTest) -> None:
    drop(
        page,
        ("surfaces_wide.csv", TEMPLATES["surfaces_wide.csv"].replace(b",vix,", b",x,")),
        ("vix.csv", TEMPLATES["vix.csv"]),
    )
    assert page.success and "and 1 more" in texts(page)
    entry = next(e for e in datasets.catalogue("surfaces") if e.origin == "upload")
    assert datasets.load(entry.id).data.vix is not None
    assert intake.recognise(TEMPLATES["vix.csv"]) == "series"


def test_what_to_do_with_a_file_too_big_to_upload_is_said(page: AppTest) -> None:
    assert any("is not taken here" in caption.value and "SCENARIST_DATA" in caption.value for caption in page.caption)


def test_a_damaged_note_of_an_upload_does_not_take_the_page_down(page: AppTest) -> None:
    workspace.uploads_dir().mkdir(parents=True)
    (workspace.uploads_dir() / "upload-damaged.json").write_text('{"label": "x"')
    page.run()
    assert not page.exception and not page.error and shown(page)["Grid"] == "10 × 8"


def test_an_upload_is_parsed_once(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    read = intake.read
    monkeypatch.setattr(intake, "read", lambda kind, *given, **more: parsed.append(kind) or read(kind, *given, **more))
    drop(page, ("s.csv", TEMPLATES["surfaces_wide.csv"]))
    tab(page, "What was read")
    page.run()
    assert shown(page)["Days"] == "10" and parsed == ["surfaces"]


# --- answers by column or by value, doubts, and what comes next -------------------------------------------------------


def snapshot() -> bytes:
    """Quotes of one day that does not stand in the file."""
    quotes = pd.read_csv(io.BytesIO(TEMPLATES["quotes.csv"])).drop(columns="quote_date")
    return quotes.to_csv(index=False).encode()


def send(app: AppTest) -> AppTest:
    next(button for button in app.button if button.label == "Read the file").click().run()
    assert not app.exception
    return app


def links(app: AppTest) -> list[str]:
    return [link.label for link in app.get("page_link")]


def test_the_day_of_a_snapshot_is_given_by_value(page: AppTest) -> None:
    drop(page, ("chain.csv", snapshot()))
    assert "day" in texts(page)
    send(page)
    assert any("Nothing was answered" in box.value for box in page.warning)
    page.date_input(key="answer_day").set_value(datetime.date(2024, 1, 2))
    send(page)
    assert page.success and "30 option quotes of 1 day" in page.success[0].value.replace("\\", "")
    assert shown(page)["Days"] == "1"
    assert "Quotes to surface" in links(page)
    assert "Not for Next-day generators: needs quotes of at least 23 days" in texts(page)


def test_a_column_answers_the_same_question_as_a_value(page: AppTest) -> None:
    table = pd.read_csv(io.BytesIO(TEMPLATES["quotes.csv"])).rename(columns={"spot": "Kassa"})
    drop(page, ("chain.csv", table.to_csv(index=False).encode()))
    page.selectbox(key="answer_column").set_value("Kassa")
    send(page)
    assert page.success and shown(page)["Days"] == "1"


def test_an_answer_that_does_not_help_is_said(page: AppTest) -> None:
    table = pd.DataFrame({"date": ["2020-01-02", "2020-01-03"], "ticker": "AAA", "venue": "X", "Kurs": [9.5, 9.75]})
    drop(page, ("ticks.csv", table.to_csv(index=False).encode()))
    if page.radio:  # what it holds is asked first
        page.radio(key="answer_choice").set_value("prices")
        send(page)
    page.selectbox(key="answer_column").set_value("venue")
    send(page)
    assert any("venue does not help" in box.value for box in page.warning)
    page.selectbox(key="answer_column").set_value("Kurs")
    send(page)
    assert page.success and not any("does not help" in box.value for box in page.warning)


def test_doubts_are_warnings_on_the_page_and_links_lead_on(page: AppTest) -> None:
    table = pd.read_csv(io.BytesIO(TEMPLATES["surfaces_wide.csv"]))
    months = pd.date_range("2020-01-31", periods=len(table), freq="ME").strftime("%Y-%m-%d")
    drop(page, ("months.csv", table.assign(date=months).to_csv(index=False).encode()))
    assert any("monthly" in box.value for box in page.warning)
    assert links(page)[0] == "Static arbitrage"
    assert "Not for Hedging: needs at least 23 days" in texts(page)
    tab(page, "What was read")
    assert "monthly" not in texts(page)  # said once


def test_two_days_of_prices_say_what_they_are_good_for(page: AppTest) -> None:
    drop(page, ("closes.csv", b"Date,Open,Close\n2023-03-06,40,41\n2023-03-07,41,42\n"))
    assert "Not for Fin-GAN: needs at least 500 days of opens and closes; found 2 days" in texts(page)
    assert "uploaded with them" in texts(page) and links(page) == []


def test_the_spot_can_be_estimated_from_the_quotes(page: AppTest) -> None:
    from tests.market.test_parity_spot import chain

    drop(page, ("chain.csv", chain().to_csv(index=False).encode()))
    assert "say parity to estimate it" in texts(page)
    page.selectbox(key="answer_column").set_value("parity")
    next(one for one in page.button if one.label == "Read the file").click().run()
    assert not page.exception and "estimated from put–call parity" in texts(tab(page, "What was read"))


def test_quotes_and_prices_uploaded_are_what_a_fresh_session_shows(page: AppTest) -> None:
    from tests.market.test_parity_spot import chain

    drop(page, ("chain.csv", chain().assign(spot=4_000.0).to_csv(index=False).encode()))
    days = pd.bdate_range("2020-01-01", periods=600)
    opens = 100 + np.arange(600) / 10
    prices = pd.DataFrame({"date": days, "ticker": "AAA", "open": opens, "close": opens * (1 + 0.01 * np.sin(opens))})
    drop(page, ("mine.csv", prices.to_csv(index=False).encode()))
    for script, kind, name in (("surfaces/quotes", "quotes", "chain.csv"), ("decisions/fingan", "prices", "mine.csv")):
        fresh = AppTest.from_file("../../app.py", default_timeout=60).switch_page(f"pages/{script}.py").run()
        assert not fresh.exception
        entries = {entry.id: entry.label for entry in datasets.catalogue(kind)}
        assert entries[fresh.session_state[f"{kind}_dataset"]] == name
