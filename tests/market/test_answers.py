"""Questions about files and their answers: by column, by value, unhelpful ones, unknown ones."""

import pandas as pd
import pytest

from engine import datasets
from engine.errors import MarketDataError
from engine.market.intake import AmbiguousColumns, read_any, read_quotes, read_surfaces
from engine.market.intake.result import Reading
from tests.market import vendor_files as files


def undated(**more):
    """A chain that says neither its day nor its spot, with columns of dates and numbers beside."""
    q = files.chain()
    columns = {
        "expiry": q["expiry"].dt.date,
        "strike": q["strike"],
        "type": q["kind"],
        "bid": q["bid"],
        "ask": q["ask"],
    }
    return files.csv(pd.DataFrame(columns | more))


def asked(content, **answers):
    with pytest.raises(AmbiguousColumns) as question:
        read_any(content, name="q.csv", **answers)
    return question.value


def test_the_day_of_a_snapshot_is_asked_for_and_answered_by_value_or_by_column():
    question = asked(undated(spot=files.SPOT))
    assert (question.needed, question.takes, question.options) == ("date", "day", ())
    for day in ("2024-05-06", "20240506", files.DAY.date()):
        read = read_any(undated(spot=files.SPOT), date=day)
        assert read.data.period == ("2024-05-06", "2024-05-06") and any("as given" in note for note in read.notes)
    seen = undated(spot=files.SPOT, seen="2024-05-06", stamped="2024-05-07")
    question = asked(seen)
    assert (question.by, question.options) == ("mapping", ("seen", "stamped"))
    assert read_any(seen, date="stamped").data.period[0] == "2024-05-07"
    assert read_any(seen, mapping={"date": "seen"}).data.period[0] == "2024-05-06"


def test_a_day_in_the_files_name_is_offered_and_not_taken():
    with pytest.raises(AmbiguousColumns) as question:
        read_any(undated(spot=files.SPOT), name="chain_20240506.csv")
    assert question.value.options == ("2024-05-06",)


def test_the_expiry_written_twice_is_not_the_day():
    twice = undated(spot=files.SPOT, expiration_str=files.chain()["expiry"].dt.strftime("%d %b %Y"))
    assert asked(twice).needed == "date"
    named = undated(spot=files.SPOT, date=files.chain()["expiry"].dt.date)
    assert asked(named).needed == "date"
    with pytest.raises(MarketDataError, match="as answer to date; found 'date', which does not settle it"):
        read_any(named, mapping={"date": "date"})


def test_a_day_taken_because_nothing_else_was_left_is_said():
    read = read_any(undated(spot=files.SPOT, seen="2024-05-06"), name="q.csv")
    assert "seen is taken for the date of q.csv: no other column left holds days" in read.notes
    read = read_any(undated(spot=files.SPOT, dte=(files.chain()["expiry"] - files.DAY).dt.days), name="q.csv")
    assert read.data.period[0] == "2024-05-06" and any("less the days in dte" in note for note in read.notes)


def test_the_day_of_the_last_trade_is_said_to_be_a_guess():
    read = read_any(files.yfinance(), spot=files.SPOT)
    assert read.data.period == ("2024-05-06", "2024-05-06")
    assert any("latest day in lastTradeDate" in note and "date=…" in note for note in read.notes)
    assert read_any(files.yfinance(), spot=files.SPOT, date="2024-05-07").data.period[0] == "2024-05-07"


def test_one_day_of_several_can_be_asked_for():
    both = pd.concat(
        [pd.read_csv(pd.io.common.BytesIO(undated(spot=250.0, date=day))) for day in ("2024-05-06", "2024-05-07")]
    )
    assert len(read_any(files.csv(both)).data.dates) == 2
    read = read_any(files.csv(both), date="2024-05-07")
    assert read.data.period[0] == "2024-05-07" and set(read.rejected["reason"]) == {
        "another day than 2024-05-07, which was asked for"
    }
    with pytest.raises(MarketDataError, match="2024-05-06 to 2024-05-07, as answer to date; found 2024-06-01"):
        read_any(files.csv(both), date="2024-06-01")


def test_the_spot_is_answered_by_value_or_by_column():
    content = undated(date="2024-05-06", mid_of_index=files.SPOT)
    question = asked(content)
    assert (question.needed, question.by, question.takes) == ("spot", "mapping", "number")
    for answers in ({"spot": 250}, {"spot": "250.0"}, {"spot": "mid_of_index"}, {"mapping": {"spot": "mid_of_index"}}):
        assert set(read_any(content, **answers).data.table["spot"]) == {250.0}
    with pytest.raises(MarketDataError, match=r"column for spot among .* \(or a price\); found 'index'"):
        read_any(content, spot="index")


def two():
    both = pd.concat([files.chain().assign(sym="AAB"), files.chain(40.0).assign(sym="CCD")])
    columns = {"date": "2024-05-06", "symbol": both["sym"], "expiry": both["expiry"].dt.date, "strike": both["strike"]}
    columns |= {"type": both["kind"], "bid": both["bid"], "ask": both["ask"]}
    return files.csv(pd.DataFrame(columns).assign(spot=[250.0] * 20 + [40.0] * 20))


def test_two_underlyings_are_never_mixed():
    question = asked(two())
    assert (question.needed, question.by, question.options) == ("underlying", "option", ("AAB", "CCD"))
    for name, spot in (("AAB", 250.0), ("ccd", 40.0)):
        read = read_any(two(), underlying=name)
        assert set(read.data.table["spot"]) == {spot} and len(read.data) == 20 and read.rejected.empty
    with pytest.raises(MarketDataError, match="one of AAB, CCD as answer to underlying; found 'ZZZ'"):
        read_any(two(), underlying="ZZZ")
    assert len(read_any(undated(date="2024-05-06", spot=250.0), underlying="X").data) == 20


def test_roots_of_one_underlying_are_no_two_underlyings():
    q = files.chain()
    columns = {"date": "2024-05-06", "root": ["SPX", "SPXW"] * 10, "expiry": q["expiry"].dt.date, "strike": q["strike"]}
    columns |= {"type": q["kind"], "bid": q["bid"], "ask": q["ask"], "spot": 250.0}
    assert len(read_any(files.csv(pd.DataFrame(columns))).data) == 20


# --- moneyness --------------------------------------------------------------------------------------------------------

LEVELS = (0.8, 0.9, 1.0, 1.1, 1.25)


def long_surface(say, heading="moneyness"):
    rows = [
        (day, 250.0, tenor, say(m), round(float(files.vol(m, tau)), 6))
        for day in ("2024-05-06", "2024-05-07")
        for tenor, tau in (("1M", 1 / 12), ("2W", 2 / 52), ("1Y", 1.0))
        for m in LEVELS
    ]
    return files.csv(pd.DataFrame(rows, columns=["date", "spot", "tenor", heading, "iv"]))


@pytest.mark.parametrize(
    ("say", "heading", "answers"),
    [
        (lambda m: m, "moneyness", {}),
        (lambda m: f"{100 * m:.0f}%", "moneyness", {}),
        (lambda m: 100 * m, "mny", {}),
        (lambda m: round(float(files.np.log(m)), 4), "moneyness", {}),
        (lambda m: round(float(files.np.log(m)), 4), "log_moneyness", {}),
        (lambda m: round(float(files.np.log(m)), 5), "k", {"mapping": {"moneyness": "k"}, "moneyness": "log"}),
        (lambda m: round(1 / m, 4), "S/K", {}),
        (lambda m: round(1 / m, 4), "moneyness", {"moneyness": "S/K"}),
    ],
)
def test_moneyness_in_any_of_its_forms_gives_one_surface(say, heading, answers):
    history = read_surfaces(long_surface(say, heading), **answers).data
    assert history.grid.moneyness.tolist() == list(LEVELS) and history.grid.maturity.tolist() == [2 / 52, 1 / 12, 1.0]
    want = files.vol(history.grid.moneyness[:, None], history.grid.maturity)
    assert files.np.allclose(history.iv[0], want, atol=1e-6)


def test_levels_that_are_round_only_when_inverted_are_asked_about():
    inverted = long_surface(lambda m: round(1 / m, 4))
    question = asked(inverted)
    assert (question.needed, question.options) == ("moneyness", ("S/K", "K/S"))
    assert read_surfaces(inverted, moneyness="K/S").data.grid.moneyness[1] == 0.9091


# --- the answers themselves -------------------------------------------------------------------------------------------


def test_unknown_answers_are_refused_with_those_known():
    with pytest.raises(MarketDataError, match=r"reading options among .*underlying.*; found 'colour'"):
        Reading.of({"colour": "red"})
    assert Reading.of({"close": "Price", "iv_30d_0.9": "V17"}).mapping == {"close": "Price", "iv_30d_0.9": "V17"}


def test_answers_that_are_not_about_the_data_are_named():
    read = read_any(b"date,close\n2024-05-06,10\n2024-05-07,11\n", kind="prices", name="QQZ.csv", spot=4000)
    assert "the answer spot=4000 is not about prices and was not used" in read.notes


def test_a_repeated_heading_is_answered_by_either():
    content = b"date,open,close,close\n2024-05-06,10,10.5,10.4\n2024-05-07,10.5,10.7,10.6\n"
    assert asked(content).options == ("close", "close (column 4)")
    for column, first in (("close", 10.5), ("close (column 4)", 10.4)):
        for answers in ({"close": column}, {"mapping": {"close": column}}):
            assert read_any(content, name="QQZ.csv", **answers).data.close[0, 0] == first


def test_answers_are_part_of_a_datasets_name(tmp_path):
    path = tmp_path / "chain.csv"
    path.write_bytes(undated())
    ref = datasets.answered(str(path), ["spot=250", "date=2024-05-06"])
    loaded = datasets.load(ref)
    assert loaded.label == "chain.csv" and loaded.data.period[0] == "2024-05-06"
    again = datasets.load(loaded.entry.id)
    assert again.data.digest == loaded.data.digest and again.entry == loaded.entry
    with pytest.raises(AmbiguousColumns):
        datasets.load(str(path))
    for pairs in (["spot"], ["=4"], ["spot="]):
        with pytest.raises(MarketDataError, match="--answer as key=value"):
            datasets.answered(str(path), pairs)
    with pytest.raises(MarketDataError, match="no answers for the built-in data"):
        datasets.load(datasets.answered("indices", ["spot=4"]))
    with pytest.raises(MarketDataError, match="as answer to kind; found 'quote'"):
        datasets.load(datasets.answered(str(path), ["kind=quote"]))


def test_what_a_file_holds_can_be_the_answer(tmp_path):
    path = tmp_path / "QQZ.csv"
    path.write_bytes(b"when,a,b\n2024-05-06,10,20\n2024-05-07,11,21\n")
    assert datasets.load(datasets.answered(str(path), ["kind=prices", "close=b"])).data.close[0, 0] == 20


def test_one_reader_decides_for_api_datasets_and_upload(tmp_path):
    for vendor, (make, answers) in files.QUOTES.items():
        path = tmp_path / "chain.csv"
        path.write_bytes(make())
        read = read_any(path, **answers)
        pairs = [f"{key}={value}" for key, value in answers.items()]
        loaded = datasets.load(datasets.answered(str(path), pairs))
        stored = datasets.store_upload([("chain.csv", make())], reading=answers)
        assert read.data.digest == loaded.data.digest == stored.data.digest, vendor
        assert read.notes == loaded.notes == stored.notes
        for source in (lambda: datasets.load(str(path)), lambda: datasets.store_upload([("chain.csv", make())])):  # noqa: B023
            if answers:
                with pytest.raises(AmbiguousColumns) as question:
                    source()
                assert str(question.value) == str(asked_plainly(path))


def asked_plainly(path):
    with pytest.raises(AmbiguousColumns) as question:
        read_quotes(path)
    return question.value
