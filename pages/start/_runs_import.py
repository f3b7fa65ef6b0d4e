"""Taking a generator from an upload."""

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from engine.errors import CheckpointError
from engine.runs import checkpoints
from engine.runs.checkpoints import CARD, WEIGHTS
from pages.ui import frame


def importer() -> None:
    """Upload of a checkpoint: one zip file as downloaded here, or its two files."""
    with st.form("import_checkpoint", clear_on_submit=True):
        files = st.file_uploader(
            "Import a generator",
            type=["zip", "json", "safetensors"],
            accept_multiple_files=True,
            key="import_files",
            help=f"The zip file that Download gives, or {CARD} and {WEIGHTS} together. Checked before it is kept.",
        )
        submitted = st.form_submit_button("Import", icon=":material/upload:")
    if not submitted:
        return
    try:
        kept = imported({file.name: file.getvalue() for file in files})
    except CheckpointError as error:
        frame.problem(str(error), "Nothing was kept.")
    else:
        st.success(frame.plain(f"Imported as {kept.name}."), icon=":material/check:")


def imported(files: Mapping[str, bytes]) -> Path:
    """The directory of an uploaded checkpoint.

    Raises:
        CheckpointError: if the files are no checkpoint.
    """
    by_type: dict[str, list[str]] = {}
    for name in files:
        by_type.setdefault(Path(name).suffix.lower(), []).append(name)
    kinds = {suffix: len(names) for suffix, names in by_type.items()}
    if kinds == {".zip": 1}:
        (name,) = files
        return checkpoints.import_zip(files[name], name)
    if kinds == {".json": 1, ".safetensors": 1}:
        return checkpoints.import_files(files[by_type[".json"][0]], files[by_type[".safetensors"][0]])
    found = f"{len(files)} files" if files else "none"
    raise CheckpointError(f"expected one zip file, or {CARD} and {WEIGHTS} together; found {found}")
