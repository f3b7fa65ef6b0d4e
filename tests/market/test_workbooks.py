"""Excel workbooks: values of one sheet; several, damaged, empty and oversized ones."""

import datetime
import io
import zipfile

import numpy as np
import openpyxl
import pytest

from engine import datasets
from engine.errors import MarketDataError
from engine.market.intake import AmbiguousColumns, read_any, read_prices, recognise, sketch
from tests.market import vendor_files as files

ROWS = [["Date", "Open", "Close"], [datetime.datetime(2024, 5, 6), 10, 10.5], [datetime.date(2024, 5, 7), 11.25, None]]
ROWS += [[datetime.datetime(2024, 5, 8, 16, 0), 12, 12.5]]


def workbook(**sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def test_the_values_of_a_sheet_are_read():
    read = read_any(workbook(prices=ROWS), name="QQZ.xlsx")
    assert read.data.close[:, 0].tolist() == [10.5, 12.5] and read.data.dates[-1] == np.datetime64("2024-05-08")
    assert read.rejected["line"].tolist() == [3] and read.data.open[0, 0] == 10


def test_lines_above_the_headings_and_empty_columns():
    rows = [["Security", "QQZ US Equity"], ["Period", "D"], [], [None, *ROWS[0]], *([None, *row] for row in ROWS[1:])]
    assert read_any(workbook(data=rows), name="QQZ.xlsx").data.close[:, 0].tolist() == [10.5, 12.5]


def test_a_sheet_of_words_is_no_data_and_of_several_the_sheet_is_asked():
    assert len(read_any(workbook(about=[["made by hand"]], prices=ROWS), name="QQZ.xlsx").data) == 2
    both = workbook(First=ROWS, Second=[ROWS[0], *([*row[:2], 2 * (row[2] or 1)] for row in ROWS[1:])])
    for question in (lambda: read_any(both, name="QQZ.xlsx"), lambda: recognise(both, name="QQZ.xlsx")):
        with pytest.raises(AmbiguousColumns) as asked:
            question()
        assert (asked.value.needed, asked.value.options, asked.value.file) == ("sheet", ("First", "Second"), "QQZ.xlsx")
    read = read_any(both, name="QQZ.xlsx", sheet="second")
    assert read.data.close[0, 0] == 21 and any("sheet Second" in note for note in read.notes)
    with pytest.raises(MarketDataError, match="one of First, Second as answer to sheet; found 'Third'"):
        read_any(both, sheet="Third")
    assert sketch(both).headings == ("Date", "Open", "Close") and sketch(both, sheet="Second").file == "the file"


def test_a_chain_in_a_workbook_is_the_chain_of_its_csv(tmp_path):
    lines = [line.split(",") for line in files.theta().decode().splitlines()]
    typed = [
        lines[0],
        *([int(c) if c.isdigit() else float(c) if c[0].isdigit() else c for c in row] for row in lines[1:]),
    ]
    path = tmp_path / "chain.xlsx"
    path.write_bytes(workbook(chain=typed))
    loaded = datasets.load(datasets.answered(str(path), ["spot=250"]))
    assert loaded.data.digest == read_any(files.theta(), spot=250).data.digest
    assert (
        datasets.store_upload([("chain.xlsx", path.read_bytes())], reading={"spot": 250.0}).data.digest
        == loaded.data.digest
    )


def test_a_workbook_without_a_table():
    with pytest.raises(MarketDataError, match="expected a sheet with a table; found none among about"):
        read_any(workbook(about=[["made by hand"]]))


@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_a_truncated_workbook_gets_one_sentence(share):
    content = workbook(prices=ROWS)
    with pytest.raises(MarketDataError):
        read_any(content[: int(share * len(content))], name="x.xlsx")


def test_a_workbook_of_rubbish_gets_one_sentence():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("xl/workbook.xml", "<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>")
    with pytest.raises(MarketDataError, match=r"damaged or protected by a password, x\.xlsx"):
        read_any(buffer.getvalue(), name="x.xlsx")


def test_a_workbook_that_unpacks_to_too_much_is_refused_by_its_size():
    content = workbook(prices=ROWS)
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            new.writestr(item, old.read(item))
        new.writestr("xl/worksheets/sheet2.xml", b" " * 20_000_000)
    assert len(buffer.getvalue()) < 100_000
    with pytest.raises(MarketDataError, match=r"at most 1 MB once unpacked; found 20 MB in x\.xlsx"):
        read_prices(buffer.getvalue(), names=["x.xlsx"], max_bytes=100_000)
    with pytest.raises(MarketDataError, match=r"at most 0 MB; found 0 MB in x\.xlsx"):
        read_prices(content, names=["x.xlsx"], max_bytes=1_000)
