"""Jobs that run in processes of their own, and all the ways in which such a process can end."""

import ctypes
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import sqlalchemy

from queue_core import Error, Job, JobArgs, Ok, Snooze, Worker


@dataclass(frozen=True)
class Alone(JobArgs, kind="alone", isolation="process", max_attempts=3, timeout=30.0, record=True):
    """Ends as `what` says."""

    what: str
    file: str = ""


@dataclass(frozen=True)
class Trap(JobArgs, kind="trap", isolation="process", max_attempts=3, timeout=0.5):
    """Holds the interpreter in C code, where no thread could be stopped."""

    file: str = ""


class AloneWorker(Worker[Alone]):
    def backoff(self, job: Job[Alone], error: BaseException | str) -> float | None:
        # Seen where it was raised: the object itself, not its text.
        return 1234.0 if isinstance(error, ZeroDivisionError) else None

    def perform(self, job: Job[Alone]) -> Any:
        result: Any = getattr(self, f"_{job.args.what}")(job)
        return result

    def _pid(self, job: Job[Alone]) -> Ok:
        return Ok({"pid": os.getpid(), "attempt": job.attempt, "key": job.idempotency_key})

    def _effect(self, job: Job[Alone]) -> None:
        with job.transaction() as session:
            session.execute(sqlalchemy.text("INSERT INTO effects (job) VALUES (:i)"), {"i": job.id})

    def _session(self, job: Job[Alone]) -> Ok:
        with job.session() as session:
            job.require_lease(session)
            timeout = session.execute(sqlalchemy.text("SHOW statement_timeout")).scalar_one()
        return Ok({"statement_timeout": timeout, "remaining": job.remaining})

    def _raise(self, job: Job[Alone]) -> None:
        raise ZeroDivisionError("by\x00zero " + "x" * 10_000_000)

    def _error(self, job: Job[Alone]) -> Error:
        return Error("no")

    def _huge(self, job: Job[Alone]) -> Ok:
        return Ok("x" * 5_000_000)

    def _snooze(self, job: Job[Alone]) -> Snooze:
        return Snooze(500)

    def _coroutine(self, job: Job[Alone]) -> Any:
        return _coroutine()

    def _object(self, job: Job[Alone]) -> object:
        return object()

    def _system_exit(self, job: Job[Alone]) -> None:
        sys.exit(3)

    def _exit(self, job: Job[Alone]) -> None:
        os._exit(7)

    def _segfault(self, job: Job[Alone]) -> None:
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)  # Without pytest's traceback of it.
        ctypes.string_at(0)

    def _kill(self, job: Job[Alone]) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def _garble(self, job: Job[Alone]) -> None:
        """Writes what it likes into every socket that it finds, and goes."""
        for file in Path("/proc/self/fd").iterdir():
            if file.exists() and str(file.readlink()).startswith("socket:"):
                os.write(int(file.name), b'{"state": "executing"}\n')
        os._exit(0)

    def _child(self, job: Job[Alone]) -> None:
        """Leaves a process behind."""
        left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        Path(job.args.file).write_text(str(left.pid), encoding="ascii")

    def _wait(self, job: Job[Alone]) -> None:
        """Asks whether it should stop, and tidies up when told."""
        Path(f"{job.args.file}.started-{job.lease}").write_text(str(os.getpid()), encoding="ascii")
        try:
            while True:
                job.check_cancelled()
                Event().wait(0.02)
        except BaseException as error:
            Path(f"{job.args.file}.tidied").write_text(type(error).__name__, encoding="ascii")
            raise

    def _deaf(self, job: Job[Alone]) -> None:
        Path(f"{job.args.file}.started-{job.lease}").write_text(str(os.getpid()), encoding="ascii")
        while True:
            Event().wait(60)


class TrapWorker(Worker[Trap]):
    def perform(self, job: Job[Trap]) -> None:
        Path(f"{job.args.file}.started-{job.lease}").write_text(str(os.getpid()), encoding="ascii")
        ctypes.PyDLL(None).sleep(60)  # PyDLL keeps the interpreter's lock: no thread moves.


async def _coroutine() -> None:
    return None
