"""Bytes to a table of cells: encodings, delimiters, ragged lines, limits, files that are no tables."""

import io
import random
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import MarketDataError
from engine.market.intake import tables
from engine.market.intake.tables import read_table

PLAIN = "date,spot,name\n2020-01-02,100.5,Zürich\n2020-01-03,101,Genève\n"


def cells(table):
    return [table.texts(heading) for heading in table.headings]


def parquet(frame):
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends_give_the_same_table(encoding, newline):
    table = read_table(PLAIN.replace("\n", newline).encode(encoding))
    assert table.headings == ("date", "spot", "name")
    assert cells(table) == [["2020-01-02", "2020-01-03"], ["100.5", "101"], ["Zürich", "Genève"]]
    assert table.lines.tolist() == [2, 3]
    assert any("UTF-8" in note for note in table.notes) == (encoding in ("latin-1", "cp1252"))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(delimiter):
    table = read_table(PLAIN.replace(",", delimiter).encode())
    assert cells(table)[1] == ["100.5", "101"]
    assert len(table.notes) == (delimiter != ",")


def test_a_semicolon_file_may_have_commas_in_headings_and_numbers():
    table = read_table(b"date;spot;iv_30d_0,9;iv_30d_1,0\n2020-01-02;1285,2;0,12;0,11\n2020-01-03;1286,2;0,12;0,11\n")
    assert table.headings == ("date", "spot", "iv_30d_0,9", "iv_30d_1,0")
    assert cells(table)[1] == ["1285,2", "1286,2"]


def test_excels_separator_line_and_leading_blank_lines():
    table = read_table(b"sep=;\ndate;spot\n2020-01-02;1\n")
    assert table.headings == ("date", "spot") and table.heading_line == 2 and table.lines.tolist() == [3]
    table = read_table(b"\n\ndate,spot\n2020-01-02,1\n")
    assert table.heading_line == 3 and table.lines.tolist() == [4]


def test_quoted_cells_may_hold_delimiters_quotes_and_line_ends():
    table = read_table(b'date,"spot, close","a ""b"""\n2020-01-02,"1,285.2","x\ny"\n2020-01-03,2,z\n')
    assert table.headings == ("date", "spot, close", 'a "b"')
    assert cells(table) == [["2020-01-02", "2020-01-03"], ["1,285.2", "2"], ["x\ny", "z"]]
    assert table.lines.tolist() == [2, 4]


def test_ragged_rows_are_listed_with_their_line():
    table = read_table(b"a,b,c\n1,2,3\n1,2\n\n1,2,3,4\n4,5,6,\n,,\n7,8,9\n")
    assert table.lines.tolist() == [2, 6, 8]
    assert list(table.ragged_lines) == [3, 5]
    assert list(table.ragged_reasons) == [
        "expected 3 cells in the row; found 2",
        "expected 3 cells in the row; found 4",
    ]
    assert any("lines of empty cells skipped: 1" in note for note in table.notes)


def test_a_delimiter_at_the_end_of_every_line_makes_no_column():
    table = read_table(b"a,b,\nx,2,\ny,4,\n")
    assert table.headings == ("a", "b") and cells(table) == [["x", "y"], ["2", "4"]]


def test_repeated_and_empty_headings_become_distinct():
    table = read_table(b"date,spot,spot,\n2020-01-02,1,2,3\n")
    assert table.headings == ("date", "spot", "spot (column 3)", "column 4")


BODY = "Date,Open,Close\n2024-05-06,10,10.5\n2024-05-07,11,11.5\n2024-05-08,12,12.5\n"


@pytest.mark.parametrize(
    "above",
    [
        "",
        "\n\n",
        "QQZ US Equity\n",
        "Security,QQZ US Equity\nStart Date,01/02/2024\nEnd Date,05/08/2024\n\n",
        "Security,QQZ US Equity,\nStart Date,01/02/2024,\n,,\n",
        '"QQZ Inc. (Last: 12.5)","Change: 0.5"\n"Date: May 8, 2024 at 4:15 PM EDT"\n',
        "FRED Graph Observations\nFederal Reserve Economic Data\nLink: https://example.com, and more\n\n",
    ],
)
def test_the_headings_are_found_below_other_lines(above):
    table = read_table((above + BODY).encode())
    assert table.headings == ("Date", "Open", "Close") and len(table) == 3
    assert table.heading_line == above.count("\n") + 1 and table.lines[0] == table.heading_line + 1
    assert bool(table.above) == any(line.strip(",") for line in above.splitlines())


def test_a_bad_first_row_is_a_row_and_no_heading():
    table = read_table(b"date,value\nsoon,many\n2024-05-06,1\n2024-05-07,2\n2024-05-08,3\n")
    assert table.headings == ("date", "value") and len(table) == 4


def test_units_below_the_headings_are_a_row():
    table = read_table(b"date,spot,vol\nyyyy-mm-dd,USD,%\n2024-05-06,1,2\n2024-05-07,2,3\n")
    assert table.headings == ("date", "spot", "vol") and len(table) == 3 and table.levels == ()


@pytest.mark.parametrize(
    ("head", "headings"),
    [
        ("Price,Close,Open\nTicker,ABC,ABC\nDate,,\n", ("Date", "Close ABC", "Open ABC")),
        (",Close,Close\n,ABC,XYZ\nDate,,\n", ("Date", "Close ABC", "Close XYZ")),
        ("Ticker,ABC,ABC\nPrice,Close,Open\nDate,,\n", ("Date", "ABC Close", "ABC Open")),
        ("Date,Close,Close\n,ABC,XYZ\n", ("Date", "Close ABC", "Close XYZ")),
        (",ABC,\nDate,Close,Close\n", None),
        ("Date,Close,Close\n", ("Date", "Close", "Close (column 3)")),
    ],
)
def test_headings_of_several_lines_are_joined(head, headings):
    table = read_table((head + "2024-05-06,1,2\n2024-05-07,3,4\n2024-05-08,5,6\n").encode())
    if headings is not None:
        assert table.headings == headings
        assert bool(table.levels) == (head.count("\n") > 1)
    assert cells(table)[1] == ["1", "3", "5"]


def test_merged_cells_above_the_headings_group_the_columns():
    head = ",QQA,,QQB,\nDate,Open,Close,Open,Close\n"
    table = read_table((head + "".join(f"2024-05-0{d},1,2,3,4\n" for d in range(6, 9))).encode())
    assert table.headings == ("Date", "QQA Open", "QQA Close", "QQB Open", "QQB Close")


def test_brackets_around_headings_and_spaces_after_delimiters_are_dropped():
    table = read_table(b'[QUOTE_DATE], [STRIKE], [NOTE]\n2024-05-06, 1.5, "a, b"\n')
    assert table.headings == ("QUOTE_DATE", "STRIKE", "NOTE") and cells(table)[2] == ["a, b"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "found an empty file"),
        (b"\n \n\n", "found only empty lines"),
        (b"\xef\xbb\xbf", "found only empty lines"),
        (b"just one column\n1\n2\n", "found one column, 'just one column'"),
        (b"date:spot\n2020-01-02:1\n", "comma, semicolon, tab or vertical bar; found one column"),
        (b"2020-01-02,100.5,0.2\n2020-01-03,101,0.2\n", "column names in the first line; found '2020-01-02,100.5,0.2'"),
        (b"\x00\x01\x02\x03" * 100, "found one that is not text"),
        (b"\x80\x04\x95\x10\x00\x00pickle", "found one that is not text"),
        (bytes(range(1, 256)), "found one that is not text"),
        (b"\x1f\x8b\x08" + b"a" * 50, "found a gzip archive"),
        (b"%PDF-1.7\n", "found a PDF"),
        (b"<!doctype html><html></html>", "found a web page"),
        (b'{"a": [1, 2]}', "found JSON"),
        (b"PAR1 not really PAR1", "damaged or cut short"),
    ],
)
def test_what_is_no_table_gets_one_sentence(content, sentence):
    with pytest.raises(MarketDataError, match=sentence) as error:
        read_table(content, "x.csv")
    assert "x.csv" in str(error.value) and "\n" not in str(error.value)


def test_an_excel_workbook_is_named():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    with pytest.raises(MarketDataError, match="Excel workbook"):
        read_table(buffer.getvalue())


def test_files_are_read_by_path_and_absent_ones_named(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text(PLAIN, encoding="utf-8")
    assert read_table(path).file == "prices.csv" and len(read_table(str(path))) == 2
    with pytest.raises(MarketDataError, match="expected a file; found none"):
        read_table(tmp_path / "absent.csv")
    with pytest.raises(MarketDataError, match="expected a file; found none"):
        read_table(tmp_path)


@pytest.mark.parametrize("name", ["../../x.csv", "..\\..\\x.csv", "/etc/x.csv", "x.csv\x00\n"])
def test_names_are_shown_without_folders_or_control_characters(name):
    assert read_table(PLAIN.encode(), name).file == "x.csv"


def test_limits(monkeypatch):
    wide = ",".join(f"c{i}" for i in range(5_000))
    with pytest.raises(MarketDataError, match="at most 4,000 columns; found 5,000"):
        read_table(f"{wide}\n{wide}\n".encode())
    with pytest.raises(MarketDataError, match="at most 1,000 characters; found 1,001 in line 3"):
        read_table(f"a,b\n1,2\n3,{'x' * 1001}\n".encode())
    with pytest.raises(MarketDataError, match="never closed"):
        read_table(b'a,b\n1,"2\n' + b"3,4\n" * 50_000)
    with pytest.raises(MarketDataError, match="column names of at most 200 characters; found 201"):
        read_table(f"a,{'x' * 201}\n1,2\n".encode())
    with pytest.raises(MarketDataError, match=r"at most 0 MB; found 0 MB .* SCENARIST_DATA"):
        read_table(PLAIN.encode(), max_bytes=10)
    monkeypatch.setattr("engine.market.intake.tables.MAX_ROWS", 3)
    with pytest.raises(MarketDataError, match="at most 3 rows"):
        read_table(b"a,b\n" + b"1,2\n" * 4)


def test_a_file_above_the_size_limit_is_not_read(tmp_path):
    path = tmp_path / "big.csv"
    with path.open("wb") as file:
        file.truncate(tables.MAX_BYTES + 1)
    with pytest.raises(MarketDataError, match="at most 500 MB"):
        read_table(path)


def test_only_the_first_rows_are_read_to_recognise_a_file():
    content = b"a,b\n" + b"1,2\n" * 1000
    assert len(read_table(content, first_rows=7)) == 7
    assert len(read_table(parquet(pd.DataFrame({"a": range(100)})), first_rows=7)) == 7


def test_chunks_are_joined(monkeypatch):
    monkeypatch.setattr("engine.market.intake.tables._CHUNK", 3)
    table = read_table(b"a,b\n" + b"".join(b"%d,x\n" % i for i in range(10)))
    assert cells(table)[0] == [str(i) for i in range(10)]


def test_parquet_keeps_types_and_numbers_rows_like_a_csv():
    frame = pd.DataFrame(
        {
            "day": pd.to_datetime(["2020-01-02", "2020-01-03"]).tz_localize("Europe/Zurich"),
            "text": pd.Categorical(["x", "y"]),
            "small": np.array([1.5, 2.5], dtype=np.float32),
            "whole": [1, 2],
            "flag": [True, False],
            "nested": [[1], [2]],
        }
    )
    table = read_table(parquet(frame), "x.parquet")
    assert table.headings == ("day", "text", "small", "whole", "flag")
    assert table.texts("day") == ["2020-01-02", "2020-01-03"] and table.texts("text") == ["x", "y"]
    assert table.lines.tolist() == [2, 3] and "nested" in table.notes[0]


def test_parquet_limits(monkeypatch):
    wide = pa.table({f"c{i}": [1] for i in range(4_001)})
    buffer = io.BytesIO()
    pq.write_table(wide, buffer)
    with pytest.raises(MarketDataError, match="at most 4,000 columns; found 4,001"):
        read_table(buffer.getvalue())
    bomb = parquet(pd.DataFrame({"a": np.zeros(1_000_000)}))
    assert len(bomb) < 100_000
    monkeypatch.setattr("engine.market.intake.tables.MAX_ROWS", 999_999)
    with pytest.raises(MarketDataError, match="at most 999,999 rows; found 1,000,000"):
        read_table(bomb)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_parquet_gets_one_sentence(share):
    content = parquet(pd.DataFrame({"a": np.arange(1000.0), "b": ["x"] * 1000}))
    with pytest.raises(MarketDataError, match="damaged or cut short"):
        read_table(content[: int(share * len(content))])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_damaged_parquet_never_gives_anything_but_a_sentence_or_a_table(seed):
    rng = random.Random(seed)
    content = bytearray(parquet(pd.DataFrame({"a": np.arange(50.0), "b": ["x"] * 50})))
    for _ in range(rng.randint(1, 8)):
        content[rng.randrange(4, len(content))] = rng.randrange(256)
    try:
        read_table(bytes(content)).texts("a")
    except (MarketDataError, ValueError) as error:
        assert isinstance(error, MarketDataError) or "is not in" in str(error)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_give_a_table_or_one_sentence(content):
    try:
        read_table(content)
    except MarketDataError as error:
        assert "\n" not in str(error)
