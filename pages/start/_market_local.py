"""Files of the local folder about which something has to be said before they can be read."""

from pathlib import Path

import streamlit as st

from engine import datasets as catalogue
from engine import workspace

Files = tuple[tuple[str, bytes], ...]


def local_picker() -> Files:
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
