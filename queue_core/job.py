"""What `perform` gets: the job's values, its clock, and the two ways to end with its effects.

`idempotency_key` is the same in every attempt: hand it to the outside world. `lease` is new in
every attempt: hand it to whoever must refuse a predecessor. `transaction()` makes effects in this
database happen exactly once; `complete(session)` keeps facts even when the lease is gone;
everything else is at least once.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from itertools import chain
from typing import Any, Generic, TypeVar

import sqlalchemy
from sqlalchemy import event
from sqlalchemy.orm import Session, sessionmaker

from queue_core import checkpoints, clock, lease
from queue_core.args import RESULT_SIZE_MAX, check_json, to_json
from queue_core.errors import InvalidJob, JobCancelled, JobInterrupted, JobTimeout, LeaseLost
from queue_core.lease import LeaseToken

A = TypeVar("A")


@dataclass(slots=True)
class Run:
    """The runtime's side of one run: why it should stop, and whether it has completed itself."""

    deadline_s: float = float("inf")
    cancel_reason: str | None = None
    interrupted: str | None = None
    completed: bool = False
    # The transaction that holds a completion; None when that was rolled back, or may have been.
    ending: object = None
    recorded: str | None = None
    thread_name: str = ""


@dataclass(frozen=True, slots=True)
class Job(Generic[A]):
    """One run of one job."""

    id: int
    kind: str
    queue: str
    args: A
    attempt: int
    max_attempts: int
    lease: int
    inserted_at: datetime
    scheduled_at: datetime
    priority: int = 0
    tags: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)
    snoozed: int = 0
    rescues: int = 0
    schema: str = "queue"
    _sessions: "Callable[[], Session] | None" = None
    _run: Run = field(default_factory=Run)

    @property
    def idempotency_key(self) -> str:
        """Stable over all attempts, also after a redrive."""
        return f"{self.schema}:{self.id}"

    @property
    def token(self) -> LeaseToken:
        return LeaseToken(self.id, self.lease, self.attempt, self.schema)

    @property
    def remaining(self) -> float:
        """Seconds until the deadline; negative when it has passed."""
        return self._run.deadline_s - clock.boottime_s()

    def check_cancelled(self) -> None:
        """Raises when this run should stop: cancelled, past its deadline, or its worker is
        stopping.
        """
        run = self._run
        if run.cancel_reason is not None:
            raise JobCancelled(run.cancel_reason)
        if self.remaining <= 0:
            raise JobTimeout(f"job {self.id} ran past its deadline")
        if run.interrupted is not None:
            raise JobInterrupted(run.interrupted)

    def record(self, value: Any) -> None:
        """The result to keep with a completion of its own: in `transaction()` or before
        `complete()`. Everywhere else return `Ok(value)`.
        """
        check_json(value, f"{self.kind}: result")
        text = to_json(value)
        if len(text.encode()) > RESULT_SIZE_MAX:
            raise InvalidJob(
                f"{self.kind}: the result is {len(text.encode())} bytes, recorded are at most "
                f"{RESULT_SIZE_MAX}: keep it in a table and record its id"
            )
        self._run.recorded = text

    @contextmanager
    def session(self, settings: Mapping[str, str] | None = None) -> Iterator[Session]:
        """A plain transaction: commits at the end, rolls back on an exception.

        ``settings`` hold for this transaction (``set_config``), for triggers and policies to read;
        they go to the server together with the bound on its statements.
        """
        with self._new_session() as session, session.begin():
            self._bound_statements(session, settings or {})
            yield session

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A transaction that completes the job at its end, or raises LeaseLost and rolls back
        both.
        """
        with self.session() as session:
            yield session
            if not lease.complete(session, self.token, result=self._run.recorded):
                raise LeaseLost(
                    f"job {self.id}: lease {self.lease} was lost; its effects are rolled back"
                )
        self._run.completed = True
        checkpoints.reach("complete.committed")

    def complete(self, session: "Session | sqlalchemy.Connection") -> bool:
        """Completes the job in this transaction; False when the lease was lost. Facts are kept
        either way.
        """
        held = lease.complete(session, self.token, result=self._run.recorded)
        if held and isinstance(session, Session):
            self._run.ending = session.get_transaction()
            event.listen(session, "after_commit", self._mark_completed)
            event.listen(session, "after_soft_rollback", self._doubt_completion)
        return held

    def holds_lease(self, session: "Session | sqlalchemy.Connection") -> bool:
        """Whether this run still owns the job; True holds it so until the transaction ends.

        For a transaction that records facts, which are kept either way, and then makes an
        intention, which only the owner may.
        """
        return lease.hold(session, self.token)

    def require_lease(self, session: "Session | sqlalchemy.Connection") -> None:
        """Raises LeaseLost unless this run still owns the job."""
        lease.require(session, self.token)

    def _mark_completed(self, session: Session) -> None:
        # Also called when a SAVEPOINT is released, and by later transactions of this session; only
        # the outermost commit of this one counts. Where no event tells (plain connections), or
        # there is doubt, the settle asks the database and finds this very lease in history.
        is_ours = session.get_transaction() is self._run.ending is not None
        if is_ours and not session.in_nested_transaction():
            self._run.completed = True
            checkpoints.reach("complete.committed")

    def _doubt_completion(self, _session: Session, _ended: object) -> None:
        self._run.ending = None

    def _new_session(self) -> Session:
        if self._sessions is None:
            raise RuntimeError(
                f"job {self.id} has no database; perform it through a Queue or testing.perform_job"
            )
        return self._sessions()

    def _bound_statements(self, session: Session, settings: Mapping[str, str]) -> None:
        # A statement that outlives the deadline would hold its thread past every cooperative stop.
        left_ms = int(min(max(self.remaining, 0.001), 86_400) * 1000)
        said = {"statement_timeout": str(left_ms), **settings}
        names_and_values = tuple(chain.from_iterable(said.items()))
        session.connection().exec_driver_sql(_settings_sql(len(said)), names_and_values)


@cache
def _settings_sql(count: int) -> str:
    return "SELECT " + ", ".join(["set_config(%s, %s, true)"] * count)


def sessions_of(engine: sqlalchemy.Engine) -> Callable[[], Session]:
    return sessionmaker(engine, expire_on_commit=False)
