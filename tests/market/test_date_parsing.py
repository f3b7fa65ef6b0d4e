"""Cells to days: formats, order of day and month, what is no date."""

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import MarketDataError
from engine.market.intake.cells import looks_like_dates, parse_dates
from engine.market.intake.result import AmbiguousColumns
from engine.market.intake.tables import RawTable

FORMATS = {
    "iso": "%Y-%m-%d",
    "slashed": "%Y/%m/%d",
    "time": "%Y-%m-%dT00:00:00Z",
    "compact": "%Y%m%d",
    "european": "%d/%m/%Y",
    "dotted": "%d.%m.%Y",
    "us": "%m/%d/%Y",
    "us time": "%m/%d/%Y 16:00",
    "named": "%d-%b-%Y",
    "sas": "%d%b%Y",
    "american words": "%B %d, %Y",
}
DAYS = st.lists(st.dates(datetime.date(1900, 1, 1), datetime.date(2100, 12, 31)), min_size=1, max_size=30)


def column(cells):
    cells = pa.array(cells) if not isinstance(cells, pa.Array) else cells
    return RawTable("x.csv", ("date",), (cells,), np.arange(2, len(cells) + 2))


def days(cells, order=None):
    (read,), notes = parse_dates(column(cells), ["date"], order)
    return read, notes


@settings(max_examples=25, deadline=None)
@given(DAYS, st.sampled_from(list(FORMATS)))
def test_every_format_is_read_back(dates, form):
    dates.append(datetime.date(2019, 5, 17))  # settles the order
    read, notes = days([d.strftime(FORMATS[form]) for d in dates])
    assert read.days.tolist() == dates and not read.faults
    assert len(notes) == (form in ("european", "dotted", "us", "us time"))


@settings(deadline=None)
@given(DAYS, st.sampled_from(["dmy", "mdy"]))
def test_an_order_that_is_given_is_followed(dates, order):
    form = "%d/%m/%Y" if order == "dmy" else "%m/%d/%Y"
    read, _ = days([d.strftime(form) for d in dates], order)
    assert read.days.tolist() == dates


def test_the_order_is_decided_by_the_one_date_that_allows_no_other():
    read, notes = days(["05/06/2019", "17/05/2019"])
    assert str(read.days[0]) == "2019-06-05"
    assert notes == ["dates of x.csv read as day/month/year because 17/05/2019 cannot have the month first"]
    read, notes = days(["05/06/2019", "05/17/2019"])
    assert str(read.days[0]) == "2019-05-06" and "month/day/year because 05/17/2019" in notes[0]


def test_points_are_european():
    read, notes = days(["05.06.2019"])
    assert str(read.days[0]) == "2019-06-05" and "points" in notes[0]


def test_an_order_that_cannot_be_known_is_asked_for():
    with pytest.raises(AmbiguousColumns) as asked:
        days(["05/06/2019", "07/06/2019"])
    assert asked.value.needed == "date_order" and asked.value.options == ("dmy", "mdy") and asked.value.by == "option"
    assert "05/06/2019" in asked.value.question
    assert str(days(["05/06/2019"], "mdy")[0].days[0]) == "2019-05-06"


def test_trading_days_in_a_row_settle_the_order():
    cells = [d.strftime("%d/%m/%Y") for d in pd.bdate_range("2019-05-01", "2019-05-10")]
    read, notes = days(cells)
    assert str(read.days[0]) == "2019-05-01" and "trading days" in notes[0]
    first_of_month = [f"01/{m:02}/2019" for m in range(1, 13)]
    with pytest.raises(AmbiguousColumns):
        days(first_of_month)


def test_the_order_does_not_matter_where_day_and_month_are_the_same():
    assert str(days(["05/05/2019"])[0].days[0]) == "2019-05-05"


def test_several_columns_share_one_order():
    table = RawTable("x.csv", ("date", "expiry"), (pa.array(["05/06/2019"]), pa.array(["17/07/2019"])), np.array([2]))
    (date, expiry), _ = parse_dates(table, ["date", "expiry"])
    assert [str(d.days[0]) for d in (date, expiry)] == ["2019-06-05", "2019-07-17"]


def test_two_orders_in_one_file_are_an_error_and_a_single_slip_is_a_fault():
    with pytest.raises(MarketDataError, match=r"one order of day and month .* 17/05/2019 .* 05/18/2019"):
        days(["17/05/2019", "05/18/2019"])
    read, _ = days([*(f"{d}/05/2019" for d in range(13, 28)), "05/31/2019"])
    assert read.faults == {15: "no such day when read as day/month/year"}


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        ("", "date is missing"),
        ("n/a", "date is missing"),
        (None, "date is missing"),
        ("2019-02-30", "no such day in the calendar"),
        ("31/02/2019", "no such day in the calendar"),
        ("2019-13-01", "no such day in the calendar"),
        ("17/05/19", "the year has two digits: write it with four"),
        ("17-May-19", "the year has two digits: write it with four"),
        ("43602", "a spreadsheet's day number: format the column as dates"),
        ("17/05/1019", "the year 1019 is outside 1900 to 2100"),
        ("99991231", "the year 9999 is outside 1900 to 2100"),
        ("yesterday", "not a date"),
        ("=TODAY()", "not a date"),
        ("<script>", "not a date"),
        ("17 Foo 2019", "no such day in the calendar"),
    ],
)
def test_what_is_no_date_says_why(cell, fault):
    read, _ = days(["2019-05-17", cell])
    assert read.faults == {1: fault} and np.isnat(read.days).tolist() == [False, True]


def test_days_of_a_parquet_file():
    frame = pd.DataFrame({"d": pd.to_datetime(["2019-05-17", None])})
    assert days(pa.Array.from_pandas(frame["d"]).cast(pa.date32()))[0].faults == {1: "date is missing"}
    for cells in (pa.array([20190517, 20190518]), pa.array([20190517.0, 20190518.0])):
        assert str(days(cells)[0].days[1]) == "2019-05-18"


def test_what_looks_like_dates():
    assert looks_like_dates(pa.array(["2019-05-17", ""])) and looks_like_dates(pa.array([20190517]))
    assert not looks_like_dates(pa.array(["1.5", "2"])) and not looks_like_dates(pa.array([1.5, 2.5]))
    assert not looks_like_dates(pa.array(["", ""])) and not looks_like_dates(pa.array([], pa.string()))


@pytest.mark.parametrize(
    "cell",
    [
        "Wed May 15 2024",
        "Wed, 15 May 2024 20:00:00 GMT",
        "Wednesday, May 15, 2024",
        "May 15, 2024 at 4:15 PM EDT",
        "May 15 2024 @ 16:15 ET",
        "2024-05-15 16:00:00-04:00",
        "2024-05-15T20:00:00.000Z",
        "20240515 16:00",
        "15. Mai 2024",
        "1715788800",
        "1715788800.0",
        "1715788800000",
        "1715788800000000",
        "1715788800000000000",
        "15-May-24",
        "240515",
    ],
)
def test_other_ways_of_writing_a_day(cell):
    assert days([cell])[0].days.tolist() == [datetime.date(2024, 5, 15)]


def test_seconds_since_1970_and_years_of_two_digits_are_said():
    assert "seconds since 1970" in days(["1715788800"])[1][0]
    read, notes = days(["03/24/23", "03/27/23", "03/28/23"])
    assert str(read.days[0]) == "2023-03-24" and "two-digit years" in " ".join(notes)
    assert str(days(["15-May-85"])[0].days[0]) == "1985-05-15"


def test_a_year_of_two_digits_that_could_be_the_day_is_no_date():
    assert set(days(["24/05/15", "24/05/16", "24/05/17"])[0].faults.values()) == {
        "the year has two digits: write it with four"
    }


def test_volumes_of_ten_digits_do_not_look_like_dates():
    assert looks_like_dates(pa.array(["1715788800", "1715875200"]))
    assert not looks_like_dates(pa.array(["4086450000", "3998710000", "4105330000", "3777770000"]))
    assert not looks_like_dates(pa.array(["240515", "240516"]))
