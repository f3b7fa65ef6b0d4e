"""How a job steps back behind the pages."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

NICENESS = 19
"""Jobs leave the processor to the pages whenever these want it."""


def step_back(pid: int) -> None:
    """Let a job's process, and those it starts, run only when pages leave the processor free.

    Linux groups processes by session where ``sched_autogroup_enabled`` is on; niceness then only counts within a
    session, and a job is a session of its own, so the group is made nice as well.
    """
    with contextlib.suppress(OSError):  # already gone, or not allowed: only slower pages
        os.setpriority(os.PRIO_PROCESS, pid, NICENESS)
    with contextlib.suppress(OSError):  # not Linux, or no such groups
        Path(f"/proc/{pid}/autogroup").write_text(str(NICENESS))
