"""Market data: how files come in, above the tabs; one module a tab, templates beside what was read.

Files are dropped, recognised, asked about where a guess could be wrong, stored, and made active.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from engine import datasets as catalogue
from engine import uses, workspace
from engine.errors import MarketDataError
from engine.market import intake
from engine.market.intake.result import PARITY
from engine.market.price_history import PriceHistory
from engine.market.surface_history import SurfaceHistory
from pages.ui import cache, datasets, frame

KIND = "market_kind"
"""Session-state key of the kind shown on the page."""

TAB = "market_tab"
"""Session-state key of the open tab."""

TABS = ("Preview", "What was read", "Templates")

KINDS = {"surfaces": "Surfaces", "prices": "Prices", "quotes": "Quotes"}

Files = tuple[tuple[str, bytes], ...]
"""(name, content) of each."""


RECOGNISE = "recognise"

OPTIONS: dict[str, tuple[str, dict[str, str]]] = {
    "date_order": (
        "Order of day and month",
        {"dmy": "day/month/year", "mdy": "month/day/year", "ymd": "year-month-day"},
    ),
    "iv_unit": ("Vols are in", {"decimal": "decimals (0.2)", "percent": "percent (20)"}),
    "maturity_unit": ("Maturities are in", {"days": "days", "years": "years"}),
    "rate_unit": ("Rates are in", {"decimal": "decimals (0.02)", "percent": "percent (2)"}),
    "decimal": ("Decimal mark", {".": "point (1,234.5)", ",": "comma (1.234,5)"}),
    "moneyness": ("Moneyness is", {"K/S": "strike over spot", "S/K": "spot over strike", "log": "log of strike/spot"}),
    "splits": ("Splits left in", {"adjust": "divide the prices before by the ratio", "keep": "leave as they are"}),
    "opens": ("Opens unlike closes", {"leave out": "leave out", "keep": "use them all the same"}),
    "price_unit": ("Option prices are in", {"currency": "currency", "coin": "units of the underlying (coin)"}),
    "carry": ("Implausible carry", {"keep": "it is meant: read the quotes as they are"}),
}
"""Reading option → label, value → words."""

OPTIONS_OF = {
    "surfaces": ("date_order", "iv_unit", "maturity_unit", "rate_unit", "decimal", "moneyness", "splits"),
    "prices": ("date_order", "decimal", "splits", "opens"),
    "quotes": ("date_order", "iv_unit", "decimal", "price_unit", "carry"),
}

HOLDS = {
    "surfaces": "surfaces",
    "quotes": "option quotes",
    "prices": "prices, of one or more tickers",
    "series": "one index series",
    "sectors": "a sector map",
}
"""Kind of file → words in an answer."""


@dataclass(frozen=True)
class Done:
    """Files that were read in the run before this one."""

    entry: catalogue.Entry
    sentence: str
    all_kept: bool


@dataclass
class Upload:
    """What a visitor is adding: files, the answers so far, what is still asked or wrong, and what was read at last.

    Args:
        files: those waiting for an answer.
        kind, reading: the answers, as :func:`engine.datasets.store_upload` takes them.
        asked: the question that is open.
        problem: why they cannot be read.
        unhelpful: the answer that left the question as it was, in words.
        replaces: id of an upload that is read again.
        done: what was just read, until it is said.
        round: of the drop zone, which is emptied by a new one.
    """

    files: Files = ()
    kind: catalogue.Kind | None = None
    reading: dict[str, Any] = field(default_factory=dict)
    asked: intake.AmbiguousColumns | None = None
    problem: str = ""
    unhelpful: str = ""
    replaces: str | None = None
    done: Done | None = None
    round: int = 0

    def drop(self) -> None:
        """Forget the files and what was asked about them; answers stay."""
        self.files, self.asked, self.problem, self.unhelpful = (), None, "", ""


STATE = "market_upload"
"""Session-state key of the visitor's upload."""


def upload() -> Upload:
    """The visitor's."""
    state: Upload = st.session_state.setdefault(STATE, Upload())
    return state


def panel() -> None:
    """The drop zone, the files of the local folder that need an answer, the question if there is one."""
    state = _activated(upload())
    with st.container(border=True):
        dropped = st.file_uploader(
            "Add your own data: surfaces, option quotes or prices, as CSV, Excel or Parquet",
            type=[suffix.lstrip(".") for suffix in catalogue.SUFFIXES],
            accept_multiple_files=True,
            key=f"market_files_{state.round}",
            help="Several files are read together: one price file per ticker, a sector map beside prices, a VIX beside "
            "surfaces, daily closes beside quotes.",
        )
        most = st.get_option("server.maxUploadSize")
        st.caption(
            f"A file above {most} MB is not taken here: put it into the folder named by `SCENARIST_DATA`, and it "
            "appears in the same list of datasets."
        )
        local = _local_picker()
    files: Files = tuple((f.name, f.getvalue()) for f in dropped) or local
    if files and _names(files) != _names(state.files):
        state = st.session_state[STATE] = Upload(files, round=state.round)
        _read(state)
    if not files and not dropped:
        state.drop()
    if state.problem:
        frame.problem(state.problem, "Nothing was changed. Correct the file and add it again.")
    if state.asked is not None or (state.problem and _is_table(state)):
        _questions(state)


def reread(loaded: catalogue.Loaded) -> None:
    """The same answers form for data that were read already: say what was meant, and read again."""
    source = catalogue.find(loaded.entry.id)
    if not source.files:
        return
    with st.expander("Read it differently", icon=":material/tune:"):
        path, name = source.files[0]
        answers = _mapper(path, name, loaded.entry.kind, dict(source.reading), key=f"again_{loaded.entry.id}")
        if answers is not None:
            state = upload()
            state.files = tuple((label, file.read_bytes()) for file, label in source.files)
            state.kind, state.reading = loaded.entry.kind, answers
            state.replaces = loaded.entry.id if loaded.origin == "upload" else None
            _read(state)
            if state.problem or state.asked is not None:
                frame.problem(state.problem or str(state.asked))
                state.drop()


def _read(state: Upload) -> None:
    """Try to store and read the files; on success they become the active data and the page starts afresh."""
    state.asked, state.problem = None, ""
    try:
        loaded = cache.upload(state.files, kind=state.kind, reading=state.reading)
    except intake.AmbiguousColumns as question:
        state.asked = question
        return
    except MarketDataError as error:
        state.problem = str(error)
        return
    except OSError as error:
        state.problem = f"the file could not be stored: {error.strerror or error}"
        return
    if state.replaces is not None and state.replaces != loaded.entry.id:
        catalogue.forget_upload(state.replaces)
    rejected = len(loaded.rejected)
    rows = "every row was read" if rejected == 0 else f"{rejected:,} rejected rows are listed below"
    done = f"{loaded.label} holds {contents(loaded)}; {rows}. Pages about {loaded.entry.kind} now show these data."
    state.done = Done(loaded.entry, done, rejected == 0)
    st.rerun()  # the widgets that show the data may be on the page already: they are set before they are drawn


def contents(loaded: catalogue.Loaded) -> str:
    """What a dataset is and its period, in a few words."""
    data = loaded.data
    first, last = data.period
    when = f"of {first}" if first == last else f"from {first} to {last}"
    if isinstance(data, SurfaceHistory):
        levels, maturities = data.grid.shape
        return (
            f"surfaces of {_counted(len(data), 'day')} on {levels} moneyness levels × {maturities} maturities, {when}"
        )
    if isinstance(data, PriceHistory):
        what = "closes" if data.open is None else "opens and closes"
        return f"{what} of {_counted(len(data.tickers), 'ticker')} on {_counted(len(data), 'day')}, {when}"
    return f"{len(data):,} option quotes of {_counted(len(data.dates), 'day')}, {when}"


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}" + ("" if count == 1 else "s")


def next_steps(loaded: catalogue.Loaded) -> None:
    """Links to the pages that can work with these data, and why the others cannot."""
    found = uses.uses(loaded.data)
    ready = [use for use in found if use.possible and use.page]
    if ready:
        with st.container(horizontal=True, vertical_alignment="center", key="market_uses"):
            st.text("Use them in")
            for use in ready:
                link = frame.page_path(use.page)
                st.page_link(link, label=use.title, help=frame.plain(use.says), icon=":material/arrow_forward:")
    lines = [f"For {use.title}: {use.says}" for use in found if use.possible and not use.page]
    lines += [f"Not for {use.title}: {use.lacks}" for use in found if not use.possible and use.page]
    if lines:
        st.text("\n".join(f"• {line}" for line in lines))


def _activated(state: Upload) -> Upload:
    """Make the data that were just read the active ones, clear what asked for them, and say so."""
    done = state.done
    if done is None:
        return state
    datasets.choose(done.entry)
    st.session_state[KIND] = done.entry.kind
    st.session_state[TAB] = TABS[0] if done.all_kept else TABS[1]
    st.session_state.pop("market_local", None)
    if done.all_kept:
        st.success(frame.plain(done.sentence), icon=":material/check_circle:")
    else:
        st.warning(frame.plain(done.sentence), icon=":material/rule:")
    fresh: Upload = Upload(round=state.round + 1)
    st.session_state[STATE] = fresh
    return fresh


def _names(files: Files) -> list[tuple[str, int]]:
    return [(name, hash(content)) for name, content in files]


def _local_picker() -> Files:
    """Files of the local folder that are not in the picker, because something has to be said about them."""
    waiting = _local_waiting()
    if not waiting:
        return ()
    name = st.selectbox(
        "Files of the local folder that need an answer",
        list(waiting),
        index=None,
        placeholder="Choose a file",
        key="market_local",
        help="These files lie in the folder named by SCENARIST_DATA but do not say by themselves what they hold.",
    )
    return ((name, waiting[name].read_bytes()),) if name else ()


def _local_waiting() -> dict[str, Path]:
    folder = workspace.local_data_dir()
    if folder is None or not folder.is_dir():
        return {}
    known = {entry.id for entry in catalogue.catalogue()}
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in catalogue.SUFFIXES and path.is_file())
    return {path.name: path for path in found if f"local-{path.name}" not in known}


def _questions(state: Upload) -> None:
    """One question, or what every column is."""
    asked = state.asked
    with st.container(border=True):
        if asked is not None:
            st.header("One question first", anchor=False)
            if state.unhelpful:
                st.warning(frame.plain(state.unhelpful), icon=":material/help:")
            st.text(asked.question)
            answer = _answer(asked)
            if answer is not None:
                _take(state, asked, answer)
                st.rerun()
        kind = state.kind or _guessed_kind(state, asked)
        name, content = _file_in_question(state, asked)
        with st.expander("Say what every column is", expanded=asked is None, icon=":material/view_column:"):
            chosen = st.selectbox(
                "The file holds", list(KINDS), list(KINDS).index(kind), format_func=KINDS.__getitem__, key="map_kind"
            )
            answers = _mapper(content, name, chosen, state.reading, key=f"map_{chosen}")
            if answers is not None:
                state.kind, state.reading = chosen, answers
                _read(state)
                st.rerun()


def _take(state: Upload, asked: intake.AmbiguousColumns, answer: str | float) -> None:
    """Read again with an answer; one that leaves the question as it was is taken back, and said."""
    kind, reading = state.kind, dict(state.reading)
    if asked.by == "kind":
        state.kind = "prices" if answer == "series" else str(answer)  # type: ignore[assignment]
    elif asked.by == "mapping" and answer in asked.options and answer != PARITY:
        state.reading["mapping"] = {**state.reading.get("mapping", {}), asked.needed: answer}
    else:
        state.reading[asked.needed] = answer
    _read(state)
    again = state.asked
    if state.problem or (again is not None and (again.needed, again.question) == (asked.needed, asked.question)):
        state.unhelpful = f"The answer {answer} does not help{f': {state.problem}' if state.problem else ''}."
        state.kind, state.reading, state.asked, state.problem = kind, reading, asked, ""
    else:
        state.unhelpful = ""


VALUES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "day": ("The day", lambda label: st.date_input(label, None, "1990-01-01", "today", key="answer_day")),
    "number": ("The number", lambda label: st.number_input(label, min_value=0.0, value=None, key="answer_number")),
    "text": ("The name", lambda label: st.text_input(label, max_chars=40, key="answer_text")),
}
"""What an answer by value is → its name, and the widget of a label."""


def _answer(asked: intake.AmbiguousColumns) -> str | float | None:
    """The widgets that fit the question, a column or value of the list and a value of one's own; what was answered."""
    words = HOLDS if asked.by == "kind" else OPTIONS.get(asked.needed, ("", {}))[1]
    options = [o for o in asked.options if asked.by != "kind" or o != "sectors"]
    with st.form("answer", border=False):
        choice: Any = None
        given: Any = None
        if options and len(options) <= 6 and asked.by != "mapping":
            choice = st.radio("Answer", options, index=None, format_func=lambda o: words.get(o, o), key="answer_choice")
        elif options:
            name = "Column" if asked.by == "mapping" else "Answer"
            choice = st.selectbox(
                name,
                options,
                index=None,
                format_func=lambda o: "Estimate it from the quotes" if o == PARITY else o,
                placeholder="Choose one",
                key="answer_column",
            )
        if asked.takes in VALUES:
            name, widget = VALUES[asked.takes]
            given = widget(f"or {name[0].lower()}{name[1:]} itself" if options else name)
        sent = st.form_submit_button("Read the file", type="primary")
    if not sent:
        return None
    answer = given if given not in (None, "") else choice
    if answer is None:
        st.warning("Nothing was answered yet: choose or write one of the above.", icon=":material/help:")
        return None
    return float(answer) if isinstance(answer, int | float) else str(answer)


def _guessed_kind(state: Upload, asked: intake.AmbiguousColumns | None) -> str:
    name, content = _file_in_question(state, asked)
    try:
        kind = intake.recognise(content, name=name)
    except MarketDataError:
        kind = st.session_state.get(KIND, "surfaces")
    return kind if kind in KINDS else "prices"


def _is_table(state: Upload) -> bool:
    try:
        name, content = state.files[0]
        intake.sketch(content, name=name)
    except MarketDataError:
        return False
    return True


def _file_in_question(state: Upload, asked: intake.AmbiguousColumns | None) -> tuple[str, bytes]:
    if asked is not None:
        for name, content in state.files:
            if intake.display_name(content, name) == asked.file:
                return name, content
    return state.files[0]


def _mapper(
    source: Path | bytes, name: str, kind: str, reading: Mapping[str, Any], *, key: str
) -> dict[str, Any] | None:
    """Which column is what, and in which units; the answers once they are sent."""
    seen = intake.sketch(source, name=name, sheet=reading.get("sheet"))
    st.dataframe(
        pd.DataFrame({heading: list(cells) for heading, cells in list(seen.first_cells.items())[:60]}),
        hide_index=True,
        key=f"{key}_cells",
    )
    if kind == "surfaces" and seen.points:
        st.text(f"{len(seen.points)} columns recognised as vols, from {seen.points[0][:40]} to {seen.points[-1][:40]}")
    left = [h for h in seen.headings if h not in seen.points]
    guesses, mapping = seen.guesses[kind], reading.get("mapping", {})
    with st.form(f"{key}_form", border=False):
        columns = st.columns(3)
        chosen: dict[str, str] = {}
        for number, role in enumerate(intake.ROLES[kind]):
            if kind == "surfaces" and seen.points and role.name in ("maturity", "moneyness", "strike", "iv"):
                continue
            before = mapping.get(role.name, guesses.get(role.name))
            picked = columns[number % 3].selectbox(
                role.label[0].upper() + role.label[1:] + ("" if role.needed else ", if there is one"),
                left,
                index=left.index(before) if before in left else None,
                placeholder="none",
                key=f"{key}_role_{role.name}",
            )
            if picked is not None and (picked != guesses.get(role.name) or role.name in mapping):
                chosen[role.name] = picked
        answers: dict[str, Any] = {"mapping": chosen} if chosen else {}
        options = [o for o in OPTIONS_OF[kind] if not (o == "maturity_unit" and seen.points)]
        for number, option in enumerate(options):
            label, words = OPTIONS[option]
            value = columns[number % 3].selectbox(
                label,
                [RECOGNISE, *words],
                index=[RECOGNISE, *words].index(reading.get(option, RECOGNISE)),
                format_func=lambda o, words=words: words.get(o, "as recognised"),
                key=f"{key}_option_{option}",
            )
            if value != RECOGNISE:
                answers[option] = value
        if kind == "quotes":
            held = reading.get("spot")
            price = columns[2].number_input(
                "Underlying price, if there is no column",
                0.0,
                value=None if held == PARITY else held,
                key=f"{key}_given_price",
            )
            estimated = columns[2].checkbox("Estimate it from the quotes", held == PARITY, key=f"{key}_parity")
            answers |= {"spot": PARITY} if estimated else {"spot": float(price)} if price else {}
            day = columns[1].date_input(
                "Day of the quotes, if there is no column",
                reading.get("date"),
                "1990-01-01",
                "today",
                key=f"{key}_given_day",
            )
            answers |= {"date": str(day)} if day else {}
        if kind == "prices":
            ticker = columns[2].text_input(
                "Ticker, if the file names none", reading.get("ticker", ""), max_chars=15, key=f"{key}_given_ticker"
            )
            answers |= {"ticker": ticker} if ticker else {}
        sent = st.form_submit_button("Read the file this way", type="primary")
    return answers if sent else None
