"""Damaged files: a reader gives data or one sentence, and every row is accounted for."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import MarketDataError
from engine.market import intake
from engine.market.intake.templates import templates
from tests.market import vendor_files

CELLS = ["", "abc", "=1+1", "@SUM(A1)", "-1", "0", "1e400", "inf", "nan", "NA", "18.2", "0.0001", "1;5", "12%", "1e308"]
CELLS += ["2019-02-30", "31/12/2019", "01/02/2019", "17/05/19", "43602", "2024-01-05", "<b>x</b>", "../../x", "é", '"']
CELLS += ["a,b", "9" * 400, "C", "KO", "\t"]
READERS = [
    intake.read_any,
    intake.read_surfaces,
    intake.read_quotes,
    intake.read_prices,
    intake.read_series,
    intake.read_sectors,
]


def damaged(content, rng):
    lines = [line.split(",") for line in content.decode().splitlines()]
    for _ in range(rng.choice([1, 2, 5, 30])):
        row = rng.randrange(rng.random() < 0.9 and len(lines) > 1, len(lines))
        column = rng.randrange(len(lines[row])) if lines[row] else 0
        way = rng.random()
        if way < 0.6 and lines[row]:
            lines[row][column] = rng.choice(CELLS)
        elif way < 0.7:
            lines.append(list(lines[row]))
        elif way < 0.8 and len(lines) > 2:
            lines.pop(row)
        elif way < 0.85:
            lines = [line[:column] + line[column + 1 :] for line in lines]
        elif way < 0.9:
            lines[row] = lines[row][:column]
        else:
            cell = rng.choice(CELLS)
            lines = [lines[0], *([*line[:column], cell, *line[column + 1 :]] for line in lines[1:])]
    text = "\n".join(",".join(line) for line in lines)
    return text.encode(rng.choice(["utf-8", "utf-16", "cp1252"]), errors="replace")


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(templates()), st.integers(0, 2**32 - 1))
def test_a_damaged_file_gives_data_or_one_sentence(template, seed):
    content = damaged(template.content, random.Random(seed))
    for reader in READERS:
        try:
            read = reader(content)
        except MarketDataError as error:
            assert "\n" not in str(error) and len(str(error)) < 900
        else:
            assert len(read.data) > 0 and (read.rejected["reason"] != "").all()
            assert (read.rejected["line"] >= 1).all()


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(list(vendor_files.QUOTES)), st.integers(0, 2**32 - 1))
def test_a_damaged_vendors_file_gives_data_or_one_sentence(vendor, seed):
    make, answers = vendor_files.QUOTES[vendor]
    content = damaged(make(), random.Random(seed))
    for given_answers in ({}, answers | {"date": "2024-05-06"}):
        try:
            read = intake.read_any(content, **given_answers)
        except MarketDataError as error:
            assert "\n" not in str(error) and len(str(error)) < 1200
        else:
            assert len(read.data) > 0 and (read.rejected["reason"] != "").all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_every_row_is_kept_or_listed_once(seed):
    rng = random.Random(seed)
    template = next(t for t in templates() if t.file == "surfaces_wide.csv")
    lines = [line.split(",") for line in template.content.decode().splitlines()]
    for _ in range(rng.randint(0, 8)):
        row = rng.randrange(1, len(lines))
        lines[row][rng.randrange(len(lines[row]))] = rng.choice([c for c in CELLS if "," not in c and c != '"'])
    content = "\n".join(",".join(line) for line in lines).encode()
    try:
        read = intake.read_surfaces(content, date_order="dmy", iv_unit="decimal", rate_unit="decimal")
    except MarketDataError:
        return
    assert len(read.data) + len(read.rejected) == len(lines) - 1
    assert read.rejected["line"].is_unique


@pytest.mark.parametrize("size", [10, 1_000, 60_000, 200_000])
def test_a_cut_file_never_raises_anything_else(size):
    content = b"date,spot,iv_30d_0.9\n" + b"2020-01-02,100,0.2\n" * 10_000
    with pytest.raises(MarketDataError):
        intake.read_any(content[:size])
