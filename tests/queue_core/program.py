"""A worker program for tests that kill, stop and freeze it: `python -m tests.queue_core.program
URL {options}`.
"""

import ctypes
import json
import logging
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import sqlalchemy

from queue_core import Job, JobArgs, Queue, Worker, insert
from tests.queue_core.isolated import AloneWorker, TrapWorker
from tests.queue_core.support import NoteWorker

SUMS = 50
kept: list[bytearray] = []


@dataclass(frozen=True)
class Mark(JobArgs, kind="mark"):
    """Writes a row of `runs` (not in its own transaction): every execution leaves a trace."""

    number: int = 0
    takes_s: float = 0.0


@dataclass(frozen=True)
class Wait(JobArgs, kind="wait"):
    """Runs until the file exists; asks whether it should stop, when told to."""

    file: str
    asks: bool = True


@dataclass(frozen=True)
class Hang(JobArgs, kind="hang"):
    """Stops every thread of its process, once: C code that holds the interpreter's lock."""

    file: str


@dataclass(frozen=True)
class Overrun(JobArgs, kind="overrun", timeout=0.3, max_attempts=2):
    """Never looks at its deadline."""


@dataclass(frozen=True)
class Die(JobArgs, kind="die", max_attempts=50):
    """Kills its process."""


@dataclass(frozen=True)
class Add(JobArgs, kind="add"):
    """Adds one to the sum, in the transaction that completes it."""

    number: int = 0


@dataclass(frozen=True)
class Chain(JobArgs, kind="chain", max_attempts=50):
    """Enqueues an Add, in the transaction that completes it."""

    number: int = 0


@dataclass(frozen=True)
class Count(JobArgs, kind="count"):
    """Adds one to a row of `sums`, in the transaction that completes it."""

    number: int = 0


@dataclass(frozen=True)
class Grow(JobArgs, kind="grow"):
    """Makes its process larger for ever."""

    mb: int


@dataclass(frozen=True)
class Sole(JobArgs, kind="sole", queue="other"):
    """Notes in `runs` with lease -1 when another of its kind runs at the same time."""


class Marker(Worker[Mark]):
    def backoff(self, job: Job[Mark], error: BaseException | str) -> float:
        return 0.1

    def perform(self, job: Job[Mark]) -> None:
        with job.session() as session:
            session.execute(
                sqlalchemy.text("INSERT INTO runs (job, lease, pid) VALUES (:job, :lease, :pid)"),
                {"job": job.id, "lease": job.lease, "pid": os.getpid()},
            )
        Event().wait(job.args.takes_s)


class Waiter(Worker[Wait]):
    def perform(self, job: Job[Wait]) -> None:
        Path(f"{job.args.file}.started-{job.lease}").touch()
        until = time.monotonic() + 60
        while not Path(job.args.file).exists() and time.monotonic() < until:
            if job.args.asks:
                job.check_cancelled()
            Event().wait(0.02)
        Path(f"{job.args.file}.ended-{job.lease}").touch()


class Hanger(Worker[Hang]):
    def perform(self, job: Job[Hang]) -> None:
        Path(f"{job.args.file}.started-{job.lease}").touch()
        if job.lease == 1:
            ctypes.PyDLL(None).sleep(60)  # PyDLL keeps the interpreter's lock.


class Overrunner(Worker[Overrun]):
    def perform(self, job: Job[Overrun]) -> None:
        Event().wait(60)


class Killer(Worker[Die]):
    def perform(self, job: Job[Die]) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Adder(Worker[Add]):
    """Its own connection may be cut too: that is an error like any other, tried again soon."""

    def backoff(self, job: Job[Add], error: BaseException | str) -> float:
        return 0.1

    def perform(self, job: Job[Add]) -> None:
        with job.transaction() as session:
            session.execute(
                sqlalchemy.text("INSERT INTO effects (job) VALUES (:job)"), {"job": job.id}
            )


class Counter(Worker[Count]):
    """The same."""

    def backoff(self, job: Job[Count], error: BaseException | str) -> float:
        return 0.1

    def perform(self, job: Job[Count]) -> None:
        with job.transaction() as session:
            session.execute(
                sqlalchemy.text("UPDATE sums SET value = value + 1 WHERE id = :id"),
                {"id": job.args.number % SUMS},
            )


class Soloist(Worker[Sole]):
    def perform(self, job: Job[Sole]) -> None:
        with job.session() as session:
            alone = sqlalchemy.text("SELECT pg_try_advisory_xact_lock(1)")
            lease = job.lease if session.execute(alone).scalar_one() else -1
            session.execute(
                sqlalchemy.text("INSERT INTO runs (job, lease) VALUES (:job, :lease)"),
                {"job": job.id, "lease": lease},
            )
            session.execute(sqlalchemy.text("SELECT pg_sleep(0.005)"))


class Grower(Worker[Grow]):
    def perform(self, job: Job[Grow]) -> None:
        kept.append(bytearray(b"x") * (job.args.mb * 2**20))


class Chainer(Worker[Chain]):
    def perform(self, job: Job[Chain]) -> None:
        with job.transaction() as session:
            insert(session, Add(job.args.number))


WORKERS = (
    *(
        NoteWorker,
        Marker,
        Waiter,
        Hanger,
        Overrunner,
        Killer,
        Adder,
        Chainer,
        Counter,
        Soloist,
        Grower,
    ),
    *(AloneWorker, TrapWorker),
)
QUEUES = {"default": 5, "other": 2}


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(process)d %(levelname)s %(message)s")
    url, options = sys.argv[1], json.loads(sys.argv[2])
    queue = Queue(url, queues=options.pop("queues", QUEUES), workers=WORKERS)
    return queue.run(**options)


if __name__ == "__main__":
    sys.exit(main())
