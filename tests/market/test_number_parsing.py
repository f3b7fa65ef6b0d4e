"""Cells to numbers: exact, missing, bad, decimal commas, percent signs."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.market.intake.cells import FORMULA, NOT_A_NUMBER, decimal_mark, number_fault, parse_numbers
from engine.market.intake.result import AmbiguousColumns
from engine.market.intake.tables import read_table


def numbers(*cells, **options):
    return parse_numbers(pa.array(cells, pa.string()), **options)


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20), st.booleans())
def test_text_is_read_exactly(values, with_a_hole):
    cells = [repr(v) for v in values] + ([" "] if with_a_hole else [])
    read = numbers(*cells)
    assert read.values[: len(values)].tolist() == values and not read.bad.any()
    assert read.missing.sum() == with_a_hole


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 4)), min_size=1, max_size=20))
def test_decimal_commas_and_thousands_are_read_exactly(values):
    european = [f"{v:,.4f}".translate(str.maketrans(",.", ".,")) for v in values]
    assert numbers(*european, decimal=",").values.tolist() == values
    assert numbers(*(f"{v:,.4f}" for v in values)).values.tolist() == values


@pytest.mark.parametrize("cell", ["", " ", "NA", "n/a", "NaN", "null", "-", "--", ".", "#N/A", None])
def test_cells_that_mean_no_value(cell):
    read = numbers("1", cell)
    assert read.missing.tolist() == [False, True] and not read.bad.any() and np.isnan(read.values[1])


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        ("abc", NOT_A_NUMBER),
        ("1.2.3", NOT_A_NUMBER),
        ("1e5x", NOT_A_NUMBER),
        ("0x10", NOT_A_NUMBER),
        ("1 2", NOT_A_NUMBER),
        ("1,2,3", NOT_A_NUMBER),
        ("=1+1", FORMULA),
        ("@SUM(A1:A2)", FORMULA),
        ("+A1", FORMULA),
        ("-SUM(A1)", FORMULA),
        ("inf", "not a finite number"),
        ("-Infinity", "not a finite number"),
        ("18.2%", "a percent sign where the other cells have none"),
        ("<b>1</b>", NOT_A_NUMBER),
    ],
)
def test_cells_that_are_no_numbers(cell, fault):
    read = numbers("1", cell, "2")
    assert read.bad.tolist() == [False, True, False] and read.values[0] == 1 and np.isnan(read.values[1])
    assert number_fault(cell) == fault


def test_signs_and_spaces_are_no_formulas():
    assert numbers(" +1.5 ", "-2", "−3", "1e-3", ".5", "5.").values.tolist() == [1.5, -2, -3, 1e-3, 0.5, 5]


def test_percent_signs_count_where_they_are_the_rule():
    read = numbers("18.2%", "19 %", "0.2", allow_percent=True)
    assert read.percent and read.values[:2].tolist() == [18.2, 19] and read.bad.tolist() == [False, False, True]


def test_numbers_of_a_parquet_file_need_no_parsing():
    for column in (pa.array([1, None, 3]), pa.array([1.0, np.nan, 3.0]), pa.array([1.0, None, 3.0], pa.float32())):
        read = parse_numbers(column)
        assert read.missing.tolist() == [False, True, False] and read.values[2] == 3
    assert parse_numbers(pa.array([True, False])).bad.all()
    assert parse_numbers(pa.array([None, None])).missing.all()
    assert parse_numbers(pa.array([1.0, np.inf])).bad.tolist() == [False, True]


@pytest.mark.parametrize(
    ("cells", "mark"),
    [
        (["1.5", "2"], "."),
        (["0,123", "0,2"], ","),
        (["1285,25", "1.285,25"], ","),
        (["1,285.25", "12"], "."),
        (["1,285,000", "12"], "."),
        (["2,859", "0.12"], "."),
        (["2,859", "0,12"], ","),
        (["abc, def", "1"], "."),
        (["1", "2"], "."),
    ],
)
def test_the_decimal_mark_is_decided_over_the_whole_file(cells, mark):
    table = read_table(("a;b\n" + "\n".join(f"x;{c}" for c in cells)).encode())
    assert decimal_mark(table, ["b"], None)[0] == mark


def test_the_decimal_mark_is_asked_for_where_both_fit():
    table = read_table(b"a;b\nx;2,859\ny;1,285\n")
    with pytest.raises(AmbiguousColumns) as asked:
        decimal_mark(table, ["b"], None)
    assert asked.value.needed == "decimal" and asked.value.by == "option" and "2,859" in asked.value.question
    assert decimal_mark(table, ["b"], ",")[0] == ","


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("$1,102.25", 1102.25),
        ("-$5.50", -5.5),
        ("€ 12", 12),
        ("12.5 USD", 12.5),
        ("(1,234.5)", -1234.5),
        ("'4000", 4000),
        ("1'102.25", 1102.25),
        ("1\u00a0102.25", 1102.25),
        ("1\u202f102\u202f000", 1102000),
        ("1 102 000.5", 1102000.5),
        ("\u00a07\u2009", 7),
    ],
)
def test_what_people_put_around_numbers(cell, value):
    assert numbers("1", cell).values.tolist() == [1, value]


def test_thousands_marks_do_not_hide_the_decimal_comma():
    for space in ("\u00a0", "\u202f", " ", "'"):
        table = read_table(f"a;b\nx;1{space}102,25\ny;7,5\n".encode())
        assert decimal_mark(table, ["b"], None)[0] == ","
        assert parse_numbers(table.column("b"), ",").values.tolist() == [1102.25, 7.5]
