"""How files come in: dropped, recognised, asked about where a guess could be wrong, stored, and made active."""

from collections.abc import Sequence

import streamlit as st

from engine import datasets as catalogue
from pages.start._market_local import Files, local_picker
from pages.start._market_mapper import mapper
from pages.start._market_pending import Pending, activate, pending, read
from pages.start._market_questions import is_table, questions
from pages.ui import frame


def panel() -> None:
    """The drop zone, the files of the local folder that need an answer, the question if there is one."""
    activate()
    state = pending()
    with st.container(border=True):
        dropped = st.file_uploader(
            "Add your own data: surfaces, option quotes or prices, as CSV or Parquet",
            type=[suffix.lstrip(".") for suffix in catalogue.SUFFIXES],
            accept_multiple_files=True,
            key=f"market_files_{st.session_state.get('market_round', 0)}",
            help="Several files are read together: one price file per ticker, a sector map beside prices, a VIX beside "
            "surfaces, daily closes beside quotes.",
        )
        most = st.get_option("server.maxUploadSize")
        st.caption(
            f"A file above {most} MB is not taken here: put it into the folder named by `SCENARIST_DATA`, and it "
            "appears in the same list of datasets."
        )
        local = local_picker()
    files: Files = tuple((f.name, f.getvalue()) for f in dropped) or local
    if files and _names(files) != _names(state.files):
        state = st.session_state["market_pending"] = Pending(files)
        read(state)
    if not files and not dropped:
        state.files, state.asked, state.problem = (), None, ""
    if state.problem:
        frame.problem(state.problem, "Nothing was changed. Correct the file and add it again.")
    if state.asked is not None or (state.problem and is_table(state)):
        questions(state)


def reread(loaded: catalogue.Loaded) -> None:
    """The same answers form for data that were read already: say what was meant, and read again."""
    source = catalogue.find(loaded.entry.id)
    if not source.files:
        return
    with st.expander("Read it differently", icon=":material/tune:"):
        path, name = source.files[0]
        answers = mapper(path, name, loaded.entry.kind, dict(source.reading), key=f"again_{loaded.entry.id}")
        if answers is not None:
            state = pending()
            state.files = tuple((label, file.read_bytes()) for file, label in source.files)
            state.kind, state.reading = loaded.entry.kind, answers
            state.replaces = loaded.entry.id if loaded.origin == "upload" else None
            read(state)
            if state.problem or state.asked is not None:
                frame.problem(state.problem or str(state.asked))
                state.files, state.asked, state.problem = (), None, ""


def _names(files: Sequence[tuple[str, bytes]]) -> list[tuple[str, int]]:
    return [(name, hash(content)) for name, content in files]
