"""Surface histories: checked once, immutable, split in time, free of look-ahead."""

import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from market_histories import SMALL, history

from engine.errors import MarketDataError
from engine.market.surface_history import SurfaceHistory


def changed(base, **values):
    kept = {key: getattr(base, key) for key in ("dates", "spot", "iv", "grid", "rate", "vix", "half_spread")}
    return SurfaceHistory(**{**kept, **values})


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 39), st.integers(0, 2**32 - 1))
def test_nothing_known_at_a_row_depends_on_later_rows(row, seed):
    now = history(40, vix=np.full(40, 16.0))
    rng = np.random.default_rng(seed)
    after = np.arange(40) > row
    other = changed(
        now,
        spot=np.where(after, now.spot * rng.uniform(0.5, 2, 40), now.spot),
        iv=np.where(after[:, None, None], now.iv * rng.uniform(0.5, 2, now.iv.shape), now.iv),
        rate=np.where(after, 0.05, 0.0),
        vix=np.where(after, 80.0, 16.0),
    )
    one, two = now.until(row), other.until(row)
    assert len(one) == row + 1 and one.digest == two.digest
    np.testing.assert_array_equal(one.realised_vol, two.realised_vol)
    np.testing.assert_array_equal(one.log_return, two.log_return)
    np.testing.assert_array_equal(now.realised_vol[: row + 1], one.realised_vol)


def test_realised_vol_at_a_row_uses_the_21_returns_that_ended_there():
    now = history(40)
    returns = np.diff(np.log(now.spot))
    assert np.isnan(now.realised_vol[:21]).all()
    for row in range(21, 40):
        total = sum(returns[k] ** 2 for k in range(row - 21, row))
        assert now.realised_vol[row] == pytest.approx(np.sqrt(252 / 21 * total), rel=1e-12)


def test_until_counts_from_the_end_for_negative_rows():
    now = history(40)
    assert now.until(-1).digest == now.digest and len(now.until(-2)) == 39
    with pytest.raises(IndexError):
        now.until(40)


def test_log_return_is_over_the_step_after_the_row():
    now = history(5)
    assert now.log_return[2] == pytest.approx(np.log(now.spot[3] / now.spot[2]))


@pytest.mark.parametrize("day", [datetime.date(2019, 1, 10), "2019-01-10", np.datetime64("2019-01-10")])
def test_split_after_a_day_is_chronological_and_complete(day):
    now = history(40)
    train, test = now.split(after=day)
    assert train.dates[-1] <= np.datetime64("2019-01-10") < test.dates[0]
    assert len(train) + len(test) == 40
    np.testing.assert_array_equal(np.concatenate([train.spot, test.spot]), now.spot)


def test_split_by_fraction_and_its_errors():
    now = history(40)
    assert [len(part) for part in now.split(fraction=0.85)] == [34, 6]
    for wrong in ({}, {"after": "2019-01-10", "fraction": 0.5}):
        with pytest.raises(MarketDataError, match="either a date or a fraction"):
            now.split(**wrong)
    for outside in ({"after": "2030-01-01"}, {"after": "1999-01-01"}, {"fraction": 0.0}, {"fraction": 1.0}):
        with pytest.raises(MarketDataError, match="split inside"):
            now.split(**outside)


def test_digest_knows_the_content_and_only_the_content():
    now = history(10)
    assert now.digest == history(10, name="other").digest == changed(now, rate=np.zeros(10)).digest
    assert now.digest == changed(now, rate=-0.0).digest
    different = [
        changed(now, dates=now.dates + 1),
        changed(now, spot=now.spot * (1 + 1e-15 * np.arange(10))),
        changed(now, iv=np.nextafter(now.iv, 1)),
        changed(now, rate=0.01),
        changed(now, vix=np.full(10, 16.0)),
        changed(now, half_spread=np.zeros((10, 2, *SMALL.shape))),
        now[:9],
        now[1:],
    ]
    digests = {part.digest for part in different}
    assert len(digests) == len(different) and now.digest not in digests
    assert now.digest.startswith(now.fingerprint) and len(now.fingerprint) == 12


def test_parts_share_memory_and_nothing_can_be_changed():
    now = history(10)
    part = now[2:8]
    assert np.shares_memory(part.iv, now.iv)
    for array in (now.iv, now.spot, now.dates, now.rate, part.iv, now.log_iv, now.log_return, now.realised_vol):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = array[0]
    given_iv = np.full((10, *SMALL.shape), 0.2)
    copied = changed(now, iv=given_iv)
    given_iv[:] = 9
    assert copied.iv.max() == 0.2


@pytest.mark.parametrize("rows", [slice(0, 10, 2), slice(None, None, -1), 3])
def test_only_contiguous_parts_exist(rows):
    with pytest.raises(MarketDataError, match="contiguous slice"):
        history(10)[rows]


def test_an_empty_part_is_an_error():
    with pytest.raises(MarketDataError, match="at least one day in rows 5:5 of 10"):
        history(10)[5:5]


def test_rows_are_found_by_day():
    now = history(10)
    assert now.row_of("2019-01-04") == 2
    with pytest.raises(MarketDataError, match="found 2019-01-05, not in the data"):
        now.row_of(datetime.date(2019, 1, 5))
    assert now.period == ("2019-01-02", "2019-01-15")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"dates": np.array(["2019-01-02"] * 10, "datetime64[D]")},
            "strictly increasing dates; found 2019-01-02 twice",
        ),
        ({"dates": history(10).dates[::-1]}, "strictly increasing dates; found .* after"),
        ({"dates": np.array(["NaT"] * 10, "datetime64[D]")}, "a date in every row; found none in row 1"),
        ({"spot": np.zeros(10)}, "spot > 0; found 0 on 2019-01-02"),
        ({"spot": np.full(9, 1.0)}, r"spot of shape \(10,\)"),
        ({"spot": np.full(10, np.nan)}, "finite spot everywhere; found nan on 2019-01-02"),
        ({"iv": np.full((10, *SMALL.shape), -0.2)}, "implied vol > 0; found -0.2"),
        ({"iv": np.full((10, *SMALL.shape), 18.2)}, "decimals of at most 5; found 18.2"),
        ({"iv": np.full((10, 3, 3), 0.2)}, "implied vol of shape"),
        ({"rate": np.full(10, np.inf)}, "finite rate"),
        ({"vix": np.zeros(10)}, "VIX > 0"),
        ({"half_spread": np.full((10, 2, *SMALL.shape), -1e-3)}, "half-spreads >= 0; found -0.001"),
        ({"half_spread": np.zeros((10, *SMALL.shape))}, "half-spread of shape"),
    ],
)
def test_everything_is_checked_at_the_door(values, sentence):
    with pytest.raises(MarketDataError, match=sentence):
        changed(history(10), **values)


def test_no_days_are_no_history():
    with pytest.raises(MarketDataError, match="at least one day of surfaces; found none"):
        SurfaceHistory(np.array([], "datetime64[D]"), np.array([]), np.empty((0, *SMALL.shape)), SMALL)


def test_at_the_money_vol_is_read_off_the_grid():
    now = history(10)
    np.testing.assert_allclose(now.atm(91 / 365), now.iv[:, 2, 1])
