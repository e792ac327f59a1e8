"""Worker processes of a contestant, started and stopped; nothing that fails goes unseen."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.contestants import Contestant, Setup
from benchmarks.world import ROOT, connect

STOP_TIMEOUT_S = 15.0
# Looking costs the contestants a little of the machine: two looks per millisecond would be felt.
LOOK_EVERY_S = 0.002
# A contestant that does not get there is a bug of the benchmark or of the queue, not a slow run.
PATIENCE_S = 120.0


class Failed(RuntimeError):
    """A contestant's process ended, or did not finish its jobs. Its own output says why."""


@contextmanager
def workers(
    contestant: Contestant, url: str, page: Path, jobs: int, setup: Setup
) -> "Iterator[list[subprocess.Popen[bytes]]]":
    options = {"url": url, "page": str(page), "jobs": jobs, "setup": setup.values()}
    command = [sys.executable, "-m", "benchmarks.work", contestant.name, json.dumps(options)]
    log = page.with_suffix(".log")
    with log.open("wb") as output:
        started = [
            subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
            for _ in range(1 if contestant.forks else setup.processes)
        ]
    try:
        yield started
    except Failed as failed:
        raise Failed(f"{contestant.name} {failed}\n{log.read_text(errors='replace')}") from None
    finally:
        for process in started:
            process.terminate()
        for process in started:
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until(
    fact: Callable[[], bool],
    what: str,
    started: "list[subprocess.Popen[bytes]]",
    timeout_s: float = PATIENCE_S,
) -> int:
    """When the fact was seen, in nanoseconds."""
    until_s = time.monotonic() + timeout_s
    while not fact():
        if any(process.poll() is not None for process in started):
            raise Failed(f"ended before {what}")
        if time.monotonic() > until_s:
            raise Failed(f"did not get to {what} within {timeout_s:.0f} s")
        time.sleep(LOOK_EVERY_S)
    return time.monotonic_ns()


def wait_until_settled(
    contestant: Contestant, url: str, started: "list[subprocess.Popen[bytes]]"
) -> int:
    with connect(url) as connection:

        def is_settled() -> bool:
            row = connection.execute(contestant.has_unfinished.encode()).fetchone()
            return row is not None and not row[0]

        return wait_until(is_settled, "the last settle", started)
