"""Which code made a run: the commit, where there is one."""

import subprocess
from functools import lru_cache

from payments_app.lab.processes import PACKAGE


@lru_cache(maxsize=1)
def commit() -> str:
    """The short commit of this code; “unknown” outside of a clone."""
    try:
        asked = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"],
            cwd=PACKAGE.parent,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return "unknown"
    return asked.stdout.strip() or "unknown"
