"""The address of a view: which data, generator, day and tab it shows, so that a link, F5 or another tab show it again.

A page asks before it draws a widget (:func:`asked`, :func:`choice`) and says what is shown afterwards (:func:`shown`);
what was said is written once, at the end of a run. Between pages Streamlit drops the address: the session remembers,
and the next page says it again. A value of the address is only ever compared with what there is.
"""

import contextlib
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import streamlit as st
from streamlit.navigation.page import Page
from streamlit.runtime.scriptrunner import StopException

NAMES = ("data", "generator", "study", "day", "tab")
"""What an address can hold."""

LONGEST = 200
"""Characters of a value that are looked at."""

STATE = "address"

ONE_STEP = """
// the first address of a page replaces its bare one: a step back then leaves the page instead of repeating it
export default function () {
  const own = window.history;
  if (own.scenarist) return;
  own.scenarist = true;
  const push = own.pushState.bind(own);
  own.pushState = (state, title, url) => {
    const to = new URL(url, window.location.href);
    const bare = to.pathname === window.location.pathname && !window.location.search;
    return bare ? own.replaceState(state, title, url) : push(state, title, url);
  };
}
"""

_one_step = st.components.v2.component("scenarist_address", js=ONE_STEP)


class Problem(NamedTuple):
    """A part of the address that means nothing here, and what is shown instead."""

    sentence: str
    instead: str | None


@dataclass
class Address:
    """What the address of a visitor's tab said last, what this run says, and what could not be followed."""

    page: str = ""
    said: dict[str, str] = field(default_factory=dict)
    saying: dict[str, str] = field(default_factory=dict)
    problems: dict[str, Problem] = field(default_factory=dict)
    title: list[str] = field(default_factory=list)


def _address() -> Address:
    found: Address = st.session_state.setdefault(STATE, Address())
    return found


@contextlib.contextmanager
def kept(page: Page) -> Iterator[None]:
    """Around a page: what it says it shows becomes the address and the title of the browser's tab."""
    here = _address()
    if here.page != page.url_path:
        here.page, here.problems = page.url_path, {}
    here.saying, here.title = {}, [page.title]
    _one_step(key="one_step")
    with contextlib.suppress(StopException):
        yield
    st.set_page_config(page_title=" · ".join(dict.fromkeys([*here.title, "Scenarist"])))
    here.said = dict(here.saying)
    if here.said != {name: st.query_params[name] for name in NAMES if name in st.query_params}:
        others = {name: value for name, value in st.query_params.items() if name not in NAMES}
        st.query_params.from_dict({**others, **here.said})


def asked(name: str) -> str | None:
    """What the address asks for and the page has not followed yet; None if that is nothing new."""
    value: str | None = st.query_params.get(name)
    return None if not value or value == _address().said.get(name) else value[:LONGEST]


def say(name: str, value: str) -> None:
    """The address shows this from the end of the run on."""
    _address().saying[name] = value


def titled(words: str) -> None:
    """A word of the browser's tab, as text."""
    _address().title.append(words)


def missing(name: str, sentence: str) -> None:
    """Remember that the address asks for what is not there; said by :func:`shown` until another thing is chosen."""
    _address().problems[name] = Problem(sentence, None)


def shown(name: str, value: str) -> None:
    """Say what is shown, and that the address asked for something else if it did."""
    here = _address()
    say(name, value)
    problem = here.problems.get(name)
    if problem is None:
        return
    if problem.instead not in (None, value):
        del here.problems[name]
        return
    here.problems[name] = Problem(problem.sentence, value)
    st.warning(problem.sentence, icon=":material/link_off:")


def choice(
    name: str, options: Collection[Any], key: str, what: str, *, code: Callable[[Any], str] | None = None
) -> bool:
    """Set the widget known by ``key`` to the option that the address asks for; called before it is drawn.

    Args:
        name: of the part of the address.
        options: of the widget.
        key: of the widget.
        what: the link asks for, one word.
        code: what the address calls an option; a slug of its text if not given.

    Returns:
        Whether it was set.
    """
    value = asked(name)
    if value is None:
        return False
    found = [option for option in options if (code or slug)(option) == value]
    if found:
        st.session_state[key] = found[0]
    else:
        missing(name, f"The link asks for a {what} that is not here; another is shown.")
    return bool(found)


def slug(text: Any) -> str:
    """``Hedge today`` → ``hedge-today``."""
    plain = unicodedata.normalize("NFKD", str(text)).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
