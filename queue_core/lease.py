"""The right to run a job, by number: proving it, and giving it up together with the job's effects.

A lease only grows, a claim makes a new one, and every way out of `executing` names it in a WHERE
clause. So a worker that was believed dead may go on as long as it likes: nothing it writes through
here can touch the job any more. `complete` is for facts that must be kept either way, `require`
for intentions that only the owner may have.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import sqlalchemy
from sqlalchemy.orm import Session, scoped_session

from queue_core import checkpoints
from queue_core.errors import LeaseLost
from queue_core.store import Store

Target: TypeAlias = Session | scoped_session[Any] | sqlalchemy.Connection


@dataclass(frozen=True, slots=True)
class LeaseToken:
    """Names one run of one job."""

    job_id: int
    lease: int
    attempt: int
    schema: str


def connection_of(target: Target) -> sqlalchemy.Connection:
    return target if isinstance(target, sqlalchemy.Connection) else target.connection()


def hold(target: Target, token: LeaseToken) -> bool:
    """Whether this run owns its job; if so, it does until the transaction ends."""
    store = Store(connection_of(target), token.schema)
    return bool(store.require_lease(id=token.job_id, lease=token.lease))


def require(target: Target, token: LeaseToken) -> None:
    """The same, for transactions that are nothing without it. Raises LeaseLost."""
    if not hold(target, token):
        raise LeaseLost(
            f"job {token.job_id}: lease {token.lease} is no longer ours; roll back and stop"
        )


def complete(target: Target, token: LeaseToken, result: str | None = None) -> bool:
    """Finishes the job in the caller's transaction. False: the lease was lost, nothing was
    written.
    """
    if isinstance(target, Session | scoped_session):
        target.flush()  # Effects first: the job row is locked as late and as briefly as can be.
    store = Store(connection_of(target), token.schema)
    done = store.complete_job(
        id=token.job_id, lease=token.lease, result=result
    ) or store.complete_woken_job(id=token.job_id, lease=token.lease, attempt=token.attempt)
    checkpoints.reach("complete.written")
    return bool(done)
