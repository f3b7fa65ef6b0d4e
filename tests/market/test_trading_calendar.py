"""Missing weekdays and gaps, against the calendar of the standard library."""

import datetime

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.market.trading_calendar import by_week, longest_gap, missing_weekdays


@st.composite
def calendars(draw):
    start = draw(st.integers(0, 20_000))
    steps = draw(st.lists(st.integers(1, 12), max_size=60))
    return np.datetime64("1990-01-01") + start + np.cumsum([0, *steps])


@settings(deadline=None)
@given(calendars())
def test_missing_weekdays_are_those_of_a_loop(dates):
    known, day, expected = set(dates.tolist()), dates[0].item(), []
    while day <= dates[-1].item():
        if day.weekday() < 5 and day not in known:
            expected.append(day)
        day += datetime.timedelta(days=1)
    assert missing_weekdays(dates).tolist() == expected


@settings(deadline=None)
@given(calendars())
def test_weeks_are_iso_weeks_and_hold_every_missing_day(dates):
    weeks = by_week(dates)
    expected = {}
    for day in missing_weekdays(dates).tolist():
        year, week, _ = day.isocalendar()
        expected[(year, week)] = expected.get((year, week), 0) + 1
    for i, year in enumerate(weeks.years.tolist()):
        for week in range(1, 54):
            count, monday = weeks.missing[i, week - 1], weeks.mondays[i, week - 1]
            if np.isnan(count):
                assert np.isnat(monday) and (year, week) not in expected
            else:
                assert monday.item().isocalendar()[:3] == (year, week, 1) and count == expected.get((year, week), 0)


@settings(deadline=None)
@given(calendars())
def test_the_longest_gap(dates):
    gap = longest_gap(dates)
    if len(dates) == 1:
        assert gap is None
        return
    assert gap.days == max((b - a).days for a, b in zip(dates[:-1].tolist(), dates[1:].tolist(), strict=True))
    assert (gap.after - gap.before).astype(int) == gap.days
