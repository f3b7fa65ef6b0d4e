"""Files of surfaces: what is written is read back, units are decided and said, every bad row is listed."""

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from market_histories import SMALL, histories, history

from engine.errors import MarketDataError
from engine.market.export import surfaces_table
from engine.market.grid import CH2_GRID, VOLGAN_GRID
from engine.market.intake import AmbiguousColumns, read_any, read_surfaces, recognise
from engine.market.surface_history import SurfaceHistory


def csv(table, **options):
    return table.to_csv(index=False, **options).encode()


def parquet(table):
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()


def wide(**edits):
    """The small history as a wide table of text; edits: column → {row: text}."""
    table = surfaces_table(history(6)).astype(str)
    for column, cells in edits.items():
        for row, text in cells.items():
            table.loc[row, column] = text
    return table


def long(layout="long", n=3):
    return surfaces_table(history(n), layout)


def same(one: SurfaceHistory, two: SurfaceHistory, rtol=0.0):
    assert one.grid == two.grid and one.dates.tolist() == two.dates.tolist()
    for name in ("spot", "iv", "rate", "vix", "half_spread"):
        a, b = getattr(one, name), getattr(two, name)
        assert (a is None) == (b is None), name
        if a is not None:
            np.testing.assert_allclose(a, b, rtol=rtol, atol=0, err_msg=name)


@settings(max_examples=25, deadline=None)
@given(histories(), st.sampled_from([csv, parquet]))
def test_wide_files_are_read_back_exactly(written, form):
    read = read_surfaces(form(surfaces_table(written)))
    same(read.data, written)
    assert read.data.digest == written.digest and read.rejected.empty and read.kind == "surfaces"


@settings(max_examples=25, deadline=None)
@given(histories(), st.sampled_from([csv, parquet]), st.randoms(use_true_random=False))
def test_long_files_are_read_back_exactly_in_any_order(written, form, random):
    table = surfaces_table(written, "long")
    order = list(range(len(table)))
    random.shuffle(order)
    table = table.iloc[order]
    if written.grid.maturity[-1] > 0.9:  # otherwise days and years could be confused
        read = read_surfaces(form(table))
    else:
        read = read_surfaces(form(table), maturity_unit="days")
    expected = SurfaceHistory(written.dates, written.spot, written.iv, written.grid, written.rate, written.vix)
    same(read.data, expected)
    assert read.rejected.empty


@settings(max_examples=20, deadline=None)
@given(histories(), st.booleans(), st.booleans(), st.booleans())
def test_units_of_long_files_are_found(written, percent, years, by_strike):
    table = surfaces_table(written, "long")
    if percent:
        table["iv"] *= 100
    if years:
        table["maturity"] /= 365
    if by_strike:
        table.insert(3, "strike", (table["moneyness"] * table["spot"]))
        table = table.drop(columns="moneyness")
    read = read_surfaces(csv(table))
    assert any(("percent" if percent else "decimals") in note for note in read.notes)
    assert any(f"read as {'years' if years else 'days'}" in note for note in read.notes)
    np.testing.assert_allclose(read.data.iv, written.iv, rtol=1e-12)
    np.testing.assert_allclose(read.data.grid.maturity, written.grid.maturity, rtol=1e-12)
    np.testing.assert_allclose(read.data.grid.moneyness, written.grid.moneyness, rtol=1e-12)


def test_strikes_rounded_to_ticks_give_the_moneyness_they_were_made_from():
    written = history(20, grid=CH2_GRID)
    table = surfaces_table(written, "long")
    table["strike"] = (table["moneyness"] * table["spot"] * 10).round() / 10
    read = read_surfaces(csv(table.drop(columns="moneyness")))
    assert read.data.grid == CH2_GRID
    np.testing.assert_array_equal(read.data.iv, written.iv)


def test_fixed_strikes_are_interpolated_linearly_in_moneyness():
    rng = np.random.default_rng(0)
    dates = np.busday_offset("2019-01-02", np.arange(30), roll="forward")
    rows = []
    for date, spot in zip(dates, 1000 * np.exp(np.cumsum(0.004 * rng.standard_normal(30))), strict=True):
        for days in (30, 91, 182):
            for strike in range(700, 1350, 25):
                rows.append((str(date), spot, days, strike, 0.2 + 0.3 * (1 - strike / spot)))  # linear in K/S
    table = pd.DataFrame(rows, columns=["date", "spot", "maturity", "strike", "iv"])
    read = read_surfaces(csv(table))
    m = read.data.grid.moneyness
    assert len(m) >= 10 and m[0] <= 0.8 and m[-1] >= 1.2
    np.testing.assert_allclose(read.data.iv, np.broadcast_to((0.2 + 0.3 * (1 - m))[:, None], read.data.iv.shape))
    assert any("interpolated linearly" in note for note in read.notes)


@pytest.mark.parametrize("grid", [CH2_GRID, VOLGAN_GRID])
def test_headings_rounded_to_six_digits_give_the_standard_grid_itself(grid):
    written = history(3, grid=grid)
    assert read_surfaces(csv(surfaces_table(written))).data.grid == grid
    table = surfaces_table(written, "long")
    table["maturity"], table["moneyness"] = table["maturity"].round(5), table["moneyness"].round(6)
    assert read_surfaces(csv(table)).data.grid == grid


@pytest.mark.parametrize(
    "name",
    [
        "iv_{d}d_{m}",
        "IV_{d}D_{m}",
        "iv {d}d {m}",
        "vol_{d}days_{p}",
        "{d}d_{p}%",
        "{d}d {p} %",
        "imp_vol_{m}_{d}d",
        "{p}%_{d}d",
        "implied_vol-{d}d-{m}",
        "iv_{d}d_{c}",
    ],
)
def test_headings_of_wide_files_are_understood(name):
    table = surfaces_table(history(3))
    renamed = {}
    for heading in table.columns[2:]:
        _, days, m = heading.split("_")
        words = {"d": days[:-1], "m": m, "p": f"{100 * float(m):g}", "c": m.replace(".", "p")}
        renamed[heading] = name.format(**words)
    read = read_any(csv(table.rename(columns={**renamed, "date": "Quote Date", "spot": "Underlying Price"})))
    same(read.data, history(3))


def test_months_weeks_and_years_are_maturities():
    table = pd.DataFrame({"date": ["2020-01-02"], "spot": [100]})
    for tenor in ("1w", "1m", "1y"):
        for m in (90, 100, 110):
            table[f"{tenor} {m}%"] = 0.2
    grid = read_surfaces(csv(table)).data.grid
    np.testing.assert_allclose(grid.maturity, [1 / 52, 1 / 12, 1])
    np.testing.assert_allclose(grid.moneyness, [0.9, 1.0, 1.1])


def test_tenors_in_a_long_file():
    table = long()
    table["maturity"] = table["maturity"].round().map({30: "30D", 91: "91 days", 365: "1Y"})
    same(read_surfaces(csv(table)).data, history(3), rtol=1e-12)


def test_decimal_commas_and_semicolons():
    written = history(4)
    table = surfaces_table(written)
    table.columns = [c.replace(".", ",") for c in table.columns]
    read = read_surfaces(csv(table, sep=";", decimal=","))
    same(read.data, written)
    assert any("comma" in note for note in read.notes)


# --- units -------------------------------------------------------


def scaled(factor):
    table = surfaces_table(history(6))
    table.iloc[:, 2:] *= factor
    return table


def test_percent_vols_are_said_to_be_percent():
    read = read_surfaces(csv(scaled(100)))
    same(read.data, history(6), rtol=1e-12)
    assert any(note.startswith("vols read as percent because the median is") for note in read.notes)


def test_percent_signs_decide():
    table = surfaces_table(history(6))
    for heading in table.columns[2:]:
        table[heading] = (10 * table[heading]).map("{:.9f}%".format)  # 2% would be a vol of 200 % as a decimal
    read = read_surfaces(csv(table))
    np.testing.assert_allclose(read.data.iv, history(6).iv / 10, rtol=1e-6)


def test_a_median_that_could_be_both_is_asked_for():
    with pytest.raises(AmbiguousColumns) as asked:
        read_surfaces(csv(scaled(10)))
    assert asked.value.needed == "iv_unit" and asked.value.options == ("percent", "decimal")
    assert read_surfaces(csv(scaled(10)), iv_unit="percent").data.iv.max() < 0.1
    assert read_surfaces(csv(scaled(10)), iv_unit="decimal").data.iv.max() > 2


@pytest.mark.parametrize(
    ("rate", "given_as", "expected"),
    [
        (0.021, None, 0.021),
        (2.1, None, 0.021),
        (0.2, "percent", 0.002),
        (0.2, "decimal", 0.2),
        (-0.4, "percent", -0.004),
    ],
)
def test_units_of_rates(rate, given_as, expected):
    table = surfaces_table(history(6)).assign(rate=rate)
    assert read_surfaces(csv(table), rate_unit=given_as).data.rate[0] == pytest.approx(expected)


def test_a_rate_that_could_be_both_is_asked_for():
    with pytest.raises(AmbiguousColumns, match=r"Are the rates of .* percent or decimals"):
        read_surfaces(csv(surfaces_table(history(6)).assign(rate=0.2)))
    assert read_surfaces(csv(surfaces_table(history(6)).assign(**{"rate (%)": 0.2}))).data.rate[0] == 0.002


def test_a_decimal_vix_becomes_points():
    read = read_surfaces(csv(surfaces_table(history(6)).assign(vix=0.16)))
    assert read.data.vix.tolist() == [16] * 6 and any("VIX" in note for note in read.notes)


def test_maturities_that_could_be_days_or_years_are_asked_for():
    table = long()
    table["maturity"] = table["maturity"].round().map({30: 1, 91: 7, 365: 30})
    with pytest.raises(AmbiguousColumns) as asked:
        read_surfaces(csv(table))
    assert asked.value.needed == "maturity_unit"
    assert read_surfaces(csv(table), maturity_unit="days").data.grid.maturity[-1] == 30 / 365
    named = table.rename(columns={"maturity": "days_to_maturity"})
    assert read_surfaces(csv(named)).data.grid.maturity[-1] == 30 / 365


def test_moneyness_in_percent():
    table = long()
    table["moneyness"] *= 100
    read = read_surfaces(csv(table))
    np.testing.assert_allclose(read.data.grid.moneyness, SMALL.moneyness)
    assert any("percent of spot" in note for note in read.notes)


# --- rows that cannot be used ------------------------------------


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("date", "", "date is missing"),
        ("date", "soon", "not a date"),
        ("spot", "", "spot is missing"),
        ("spot", "0", "spot must be > 0"),
        ("spot", "-1285", "spot must be > 0"),
        ("spot", "abc", "not a number"),
        ("spot", "=1+1", "a formula, not a number: export the values"),
        ("iv_30d_0.9", "@SUM(A1:A2)", "a formula, not a number: export the values"),
        ("iv_30d_0.9", "-0.2", "implied vol must be > 0"),
        ("iv_30d_0.9", "0", "implied vol must be > 0"),
        ("iv_30d_0.9", "0.0005", "implied vol below 0.1 %"),
        ("iv_30d_0.9", "18.2", "implied vol above 500 % (in other units than the rest?)"),
        ("iv_30d_0.9", "inf", "not a finite number"),
        ("iv_30d_0.9", "NaN", "1 of 12 vols of the day are missing"),
        ("iv_365d_1.1", "", "1 of 12 vols of the day are missing"),
        ("iv_30d_0.9", "<img src=x>", "not a number"),
    ],
)
def test_a_bad_cell_rejects_its_row_and_no_other(column, cell, reason):
    read = read_surfaces(csv(wide(**{column: {2: cell}})), names=["s.csv"])
    assert read.rejected.to_dict("records") == [
        {"line": 4, "column": column, "value": cell, "reason": reason, "file": "s.csv"}
    ]
    kept = [0, 1, 3, 4, 5]
    np.testing.assert_array_equal(read.data.iv, history(6).iv[kept])
    assert read.notes[-1] == "5 of 6 rows of s.csv kept; 1 rejected and listed"


def test_holes_are_counted():
    row = {heading: {1: ""} for heading in list(wide().columns)[2:9]}
    read = read_surfaces(csv(wide(**row)))
    assert read.rejected.loc[0, "reason"] == "7 of 12 vols of the day are missing"


def test_a_day_in_other_units_is_rejected():
    for factor, word in ((100, "above"), (0.01, "below")):
        table = surfaces_table(history(6))
        table.iloc[3, 2:] = table.iloc[3, 2:].astype(float) * factor
        read = read_surfaces(csv(table.assign(**{})))
        assert len(read.data) == 5 and read.rejected["line"].tolist() == [5]
        assert word in read.rejected.loc[0, "reason"]


def test_repeated_days_keep_the_first_row():
    table = wide()
    table = pd.concat([table, table.iloc[[2]], table.iloc[[3]].assign(spot="99")])
    read = read_surfaces(csv(table))
    same(read.data, history(6))
    assert read.rejected[["line", "reason"]].values.tolist() == [
        [8, "the same as line 4"],
        [9, "a second, different row for the day of line 5"],
    ]


def test_unsorted_days_are_sorted_and_said():
    read = read_surfaces(csv(wide().iloc[::-1]))
    same(read.data, history(6))
    assert any("sorted" in note for note in read.notes)


def test_one_day_is_a_history():
    assert len(read_surfaces(csv(wide().iloc[:1])).data) == 1
    assert len(read_surfaces(csv(long(n=1))).data) == 1


def test_a_file_that_yields_nothing_says_why_in_one_sentence():
    table = wide().assign(spot="n.a. today")
    with pytest.raises(MarketDataError) as error:
        read_surfaces(csv(table), names=["s.csv"])
    assert str(error.value) == (
        "none of the 6 rows of s.csv can be used; most often: not a number; first in line 2 (spot: 'n.a. today')"
    )
    with pytest.raises(MarketDataError, match=r"expected rows below the headings of s\.csv; found none"):
        read_surfaces(csv(wide().iloc[:0]), names=["s.csv"])


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        (["iv_30d_0.9", "iv_30d_1", "iv_30d_1.1"], "at least two maturities .* found only 30 days"),
        (["iv_30d_0.9", "iv_60d_0.9"], "at least three moneyness levels .* found 1"),
        (
            ["iv_30d_0.9", "iv_30d_1", "iv_30d_1.1", "iv_60d_0.9", "iv_60d_1"],
            "3 moneyness levels × 2 maturities; found 5 of 6 in .*, the first missing at 60 days, moneyness 1.1",
        ),
        (
            ["iv_30d_0.9", "iv_30d_1", "iv_30d_1.1", "iv_60d_0.9", "iv_60d_1", "iv_60d_1.1", "iv_60d_1.10"],
            "one column for each point of the grid; found 'iv_60d_1.1' and 'iv_60d_1.10'",
        ),
    ],
)
def test_grids_that_are_none(columns, sentence):
    table = pd.DataFrame([["2020-01-02", 100, *[0.2] * len(columns)]], columns=["date", "spot", *columns])
    with pytest.raises(MarketDataError, match=sentence):
        read_surfaces(csv(table))


def test_a_long_file_of_one_maturity():
    table = long()
    with pytest.raises(MarketDataError, match=r"at least two maturities .* found only 91"):
        read_surfaces(csv(table[table["maturity"].between(40, 100)]))


def test_rates_and_vix_that_are_mostly_missing_are_left_out_and_said():
    table = surfaces_table(history(6)).assign(rate=["0.02", *[""] * 5], vix=["16", *[""] * 5])
    read = read_surfaces(csv(table))
    assert len(read.data) == 6 and read.data.vix is None and not read.data.rate.any()
    assert "the VIX is missing on 5 of 6 rows and left out" in read.notes
    table = surfaces_table(history(40)).assign(vix=16.0)
    table.loc[3, "vix"] = np.nan
    read = read_surfaces(csv(table))
    assert len(read.data) == 39 and read.rejected.loc[0, "reason"] == "the VIX is missing"


# --- long files --------------------------------------------------


def test_every_row_of_a_day_with_holes_is_listed():
    table = long().drop(index=17)
    read = read_surfaces(csv(table))
    assert len(read.data) == 2 and len(read.rejected) == 11
    assert set(read.rejected["line"]) == set(range(14, 25))
    assert set(read.rejected["reason"]) == {
        "1 of 12 vols of 2019-01-03 are missing, the first at moneyness 0.95, 365 days"
    }


def test_a_bad_row_takes_its_day_with_it_and_both_reasons_are_listed():
    table = long().astype(str)
    table.loc[0, "iv"] = "x"
    read = read_surfaces(csv(table))
    assert len(read.data) == 2 and len(read.rejected) == 12
    assert read.rejected.loc[0, "reason"] == "not a number"


def test_points_that_most_days_lack_are_left_out():
    extra = long().iloc[[0]].assign(moneyness=1.5)
    read = read_surfaces(csv(pd.concat([long(), extra])))
    same(read.data, history(3))
    assert read.rejected["reason"].tolist() == ["a moneyness that most days do not have"]
    extra = long().iloc[[0]].assign(maturity=1000)
    read = read_surfaces(csv(pd.concat([long(), extra])))
    assert read.rejected["reason"].tolist() == ["a maturity that most days do not have"]


def test_repeated_points_and_second_spots():
    table = pd.concat([long(), long().iloc[[0]], long().iloc[[1]].assign(iv=0.3), long().iloc[[2]].assign(spot=1.0)])
    read = read_surfaces(csv(table))
    same(read.data, history(3))
    assert read.rejected["reason"].tolist() == [
        "the same as line 2",
        "a second, different vol for the point of line 3",
        "spot differs from line 2 of the same day",
    ]


def test_floating_maturities_are_refused_in_one_sentence():
    table = long(n=20)
    table["maturity"] = np.arange(len(table)) + 30.0
    with pytest.raises(MarketDataError, match="the same maturities on every day; found 240 different ones"):
        read_surfaces(csv(table))


def test_a_term_structure_of_rates_becomes_one_rate_a_day():
    table = long()
    table["rate"] = np.tile([0.01, 0.02, 0.03], 12)
    read = read_surfaces(csv(table))
    assert read.data.rate.tolist() == [0.02] * 3 and any("median of each day" in note for note in read.notes)


# --- what has to be asked ----------------------------------------


def test_a_missing_column_is_asked_for_and_the_answer_is_used():
    table = surfaces_table(history(3)).rename(columns={"spot": "SX5E last"})
    with pytest.raises(AmbiguousColumns) as asked:
        read_surfaces(csv(table))
    assert asked.value.needed == "spot" and asked.value.options == ("SX5E last",) and asked.value.by == "mapping"
    same(read_surfaces(csv(table), mapping={"spot": "SX5E last"}).data, history(3))


def test_points_of_a_wide_file_can_be_mapped():
    table = surfaces_table(history(3))
    opaque = {heading: f"V{i}" for i, heading in enumerate(table.columns[2:])}
    content = csv(table.rename(columns=opaque))
    with pytest.raises(AmbiguousColumns, match="iv_<days>d_<moneyness>"):
        read_surfaces(content)
    same(read_surfaces(content, mapping=opaque).data, history(3))
    assert recognise(content, mapping=opaque) == "surfaces"


def test_two_columns_of_one_name_are_asked_for():
    content = csv(surfaces_table(history(3))).replace(b"date,spot", b"spot,spot", 1)
    with pytest.raises(AmbiguousColumns) as asked:
        read_surfaces(content)
    assert asked.value.options == ("spot", "spot (column 2)")


def test_a_date_column_of_any_name_is_found_by_its_cells():
    table = surfaces_table(history(3)).rename(columns={"date": "Fecha"})
    same(read_any(csv(table)).data, history(3))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"mapping": {"spot": "nope"}}, "expected the column for spot among .* found 'nope'"),
        ({"mapping": {"spot": "date", "vix": "date"}}, "a different column for each role"),
        ({"iv_unit": "furlong"}, "iv_unit to be one of decimal, percent; found 'furlong'"),
        ({"colour": "red"}, "reading options among .* found 'colour'"),
        ({"spot": -1.0}, "spot price > 0"),
    ],
)
def test_decisions_are_checked(options, sentence):
    with pytest.raises(MarketDataError, match=sentence):
        read_surfaces(csv(wide()), **options)


# --- several files -----------------------------------------------


def test_files_of_one_grid_are_put_together_in_time():
    table = surfaces_table(history(6))
    read = read_surfaces([csv(table.iloc[3:]), csv(table.iloc[:3])], names=["b.csv", "a.csv"])
    same(read.data, history(6))
    with pytest.raises(MarketDataError, match="every day in one file only; found 2019-01-04"):
        read_surfaces([csv(table.iloc[:3]), csv(table.iloc[2:])])
    other = surfaces_table(history(6, grid=CH2_GRID))
    with pytest.raises(MarketDataError, match="surfaces on one grid"):
        read_surfaces([csv(table.iloc[:3]), csv(other.iloc[3:])])


def test_a_vix_beside_the_surfaces_is_attached_if_it_is_complete():
    table = surfaces_table(history(6))
    vix = pd.DataFrame({"date": table["date"], "close": np.arange(6) + 15.0})
    read = read_surfaces([csv(table), csv(vix)], names=["s.csv", "vix.csv"])
    assert read.data.vix.tolist() == (np.arange(6) + 15.0).tolist()
    read = read_surfaces([csv(table), csv(vix.iloc[1:])], names=["s.csv", "vix.csv"])
    assert read.data.vix is None and "lacks 1 of 6 days, the first 2019-01-02" in read.notes[-1]
    with pytest.raises(MarketDataError, match="expected a VIX series"):
        read_surfaces([csv(table), csv(vix)], names=["s.csv", "ko.csv"])


def test_half_spreads_that_do_not_cover_the_grid_are_left_out_and_said():
    table = surfaces_table(history(6, half_spread=np.full((6, 2, *SMALL.shape), 0.001)))
    read = read_surfaces(csv(table.iloc[:, :-1]))
    assert read.data.half_spread is None and any("half-spreads left out: 23 of the 24" in n for n in read.notes)
    table.iloc[2, -1] = -1
    read = read_surfaces(csv(table))
    assert read.rejected["reason"].tolist() == ["half-spread must be >= 0"] and len(read.data) == 5
