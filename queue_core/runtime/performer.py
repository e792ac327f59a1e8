"""What runs in the process of an isolated job: one request in, one verdict out, and the end.

The job finds everything as in a thread: its own database connection (opened here, none is
inherited), `check_cancelled`, which hears what the child says on `talk`, and its deadline. What it
gives is judged here, where the exception still is an object that `backoff` may look at; what
leaves is data.
"""

import json
import os
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO

from sqlalchemy.orm import Session

from queue_core.job import Run
from queue_core.lifecycle import Verdict
from queue_core.registry import Registry
from queue_core.runtime import parcel
from queue_core.runtime.executor import make_job
from queue_core.runtime.judge import failed, judge, result_json
from queue_core.store import Row


def perform_one(
    talk: socket.socket, registry: Registry, sessions: Callable[[], Session], schema: str
) -> None:
    words = talk.makefile("rb")
    row, run = parcel.read_request(words.readline())
    threading.Thread(target=_listen, args=(words, run), name="orders", daemon=True).start()
    verdict = _perform(registry, row, run, sessions, schema)
    talk.sendall(parcel.pack_verdict(verdict, completed=run.completed))


def _perform(
    registry: Registry, row: Row, run: Run, sessions: Callable[[], Session], schema: str
) -> Verdict:
    worker = registry.find(row["kind"])
    job = make_job(worker, row, run, sessions=sessions, schema=schema)
    outcome: object = job
    try:
        if not isinstance(job, Exception):
            outcome = worker.perform(job)
    except BaseException as error:  # noqa: BLE001
        # SystemExit is an outcome like any other; only a dead process has none.
        outcome = error
    try:
        verdict = judge(worker, row, job, outcome)
    except BaseException as error:  # noqa: BLE001
        # What perform gave fails when it is looked at: said, instead of an exit status.
        return failed(row, error)
    # Only what will be recorded crosses, at its bounded size.
    recorded = result_json(worker, verdict)
    return replace(verdict, result=None if recorded is None else json.loads(recorded))


def _listen(words: BinaryIO, run: Run) -> None:
    for line in words:
        parcel.obey_stop(line, run)
    # The child is gone: nobody will hear the outcome. Our group is ours alone.
    os.killpg(0, signal.SIGKILL)
