"""Which processes run, and whose children they are.

Asked of `/proc` where there is one: slim containers have no `ps`, and the lab must be able to tell
there, too, whether the worker that it killed has really ended. Elsewhere (macOS) `ps` comes along.
"""

import subprocess
from pathlib import Path

PROC = Path("/proc")


def is_running(pid: int) -> bool:
    """Whether it lives: a zombie, dead and not yet buried by its parent, does not."""
    found = _state_and_parent(pid)
    return found is not None and not found[0].startswith("Z")


def parent_of(pid: int) -> int | None:
    """The number of its parent; None when there is no such process."""
    found = _state_and_parent(pid)
    return int(found[1]) if found else None


def _state_and_parent(pid: int) -> list[str] | None:
    return _by_proc(pid) if (PROC / "self").exists() else _by_ps(pid)


def _by_proc(pid: int) -> list[str] | None:
    try:
        shown = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name before it stands in parentheses and may hold spaces and parentheses itself.
    return shown.rpartition(")")[2].split()[:2]


def _by_ps(pid: int) -> list[str] | None:
    command = ["ps", "-o", "stat=,ppid=", "-p", str(pid)]
    shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return shown.split() or None
