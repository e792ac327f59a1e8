"""Performs a job at once, on the caller's own connection.

Arguments travel through JSON first, so that what would not survive the database does not survive
the test. `job.session` and `job.transaction` become SAVEPOINTs of the caller's transaction; there
is no row and no lease, so the lease always holds. For workers that use no other connection; for
all others drain a queue.
"""

import itertools
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy
from sqlalchemy.orm import Session

from queue_core import clock, enqueue
from queue_core.args import JobArgs, PlainArgs, encode_args
from queue_core.batch import Inserted
from queue_core.errors import InvalidJob
from queue_core.job import Job, Run
from queue_core.lease import Target, connection_of
from queue_core.newjob import prepare
from queue_core.queue import Queue
from queue_core.registry import Worker
from queue_core.runtime.judge import judge

_ids = itertools.count(1)
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class InlineJob(Job[Any]):
    """A job without a row: completing it marks it, nothing more."""

    __slots__ = ()

    @contextmanager
    def session(self, settings: Mapping[str, str] | None = None) -> Iterator[Session]:
        with self._new_session() as session, session.begin():
            for setting in (settings or {}).items():
                session.execute(sqlalchemy.select(sqlalchemy.func.set_config(*setting, True)))
            yield session

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        with self.session() as session:
            yield session
        self._run.completed = True

    def complete(self, session: Session | sqlalchemy.Connection) -> bool:  # noqa: ARG002
        self._run.completed = True
        return True

    def holds_lease(self, session: Session | sqlalchemy.Connection) -> bool:  # noqa: ARG002
        return True

    def require_lease(self, session: Session | sqlalchemy.Connection) -> None:  # noqa: ARG002
        return None


def perform_job(
    worker: Worker[Any] | type[Worker[Any]],
    args: JobArgs | PlainArgs | Mapping[str, Any],
    *,
    target: Target | None = None,
    **fields: Any,
) -> Any:
    """Calls `perform` and returns what it gives. `fields` set the job's: attempt, max_attempts,
    meta, tags, …
    """
    one = worker() if isinstance(worker, type) else worker
    values = dict(args) if isinstance(args, Mapping) else json.loads(encode_args(args)[1])
    return one.perform(make_job(one, one.decode(values), target, **fields))


def make_job(worker: Worker[Any], args: Any, target: Target | None, **fields: Any) -> InlineJob:
    run = Run(deadline_s=clock.boottime_s() + worker.options.timeout_s)
    known = {
        "id": next(_ids),
        "kind": worker.options.kind,
        "queue": worker.options.queue,
        "attempt": 1,
        "max_attempts": worker.options.max_attempts,
        "lease": 1,
        "inserted_at": _EPOCH,
        "scheduled_at": _EPOCH,
    }
    sessions = None if target is None else lambda: _joined(target)
    return InlineJob(args=args, _sessions=sessions, _run=run, **{**known, **fields})


@contextmanager
def inline(queue: Queue) -> Iterator[None]:
    """Within the block every insert of this queue's kinds performs its job at once."""

    def perform(target: Target, args: JobArgs | PlainArgs, options: dict[str, Any]) -> Inserted:
        new = prepare(args, **options)
        if new.kind not in queue.registry:
            known = ", ".join(queue.registry.kinds) or "none"
            raise InvalidJob(f"inline: no worker performs {new.kind!r}; registered are {known}")
        worker = queue.registry.find(new.kind)
        values = json.loads(new.args)
        fields = {"priority": new.priority, "tags": new.tag_names, "meta": json.loads(new.meta)}
        job = make_job(worker, worker.decode(values), target, queue=new.queue, **fields)
        row = {"attempt": 1, "max_attempts": new.max_attempts, "snoozed": 0}
        try:
            outcome = worker.perform(job)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - Ctrl-C is meant for the test
            outcome = error
        verdict = judge(worker, row, job, outcome)
        return Inserted(job.id, False, str(verdict.state))

    token = enqueue.performs_inline.set(perform)
    try:
        yield
    finally:
        enqueue.performs_inline.reset(token)


def _joined(target: Target) -> Session:
    return Session(
        connection_of(target), join_transaction_mode="create_savepoint", expire_on_commit=False
    )
