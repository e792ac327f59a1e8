"""Running one job by hand, as a worker process would: claim it, perform it, keep its lease.

``take_over`` is what the reaper and the next claim do together when a worker is thought dead: the
old run goes on holding a lease that is no longer the newest.
"""

import uuid
from typing import Any

from sqlalchemy import Engine, text

from queue_core import Job, JobArgs
from queue_core.job import sessions_of

_CLAIM = text(
    "UPDATE queue.jobs SET state = 'executing', lease = lease + 1, attempt = attempt + 1,"
    " worker_id = :worker, attempted_at = now()"
    " WHERE id = (SELECT id FROM queue.jobs WHERE kind = :kind AND state IN ('available',"
    " 'retryable') ORDER BY id LIMIT 1) RETURNING *"
)
_TAKE_OVER = text(
    "UPDATE queue.jobs SET lease = lease + 1, worker_id = :worker WHERE id = :id RETURNING *"
)
_RECLAIM = text(
    "UPDATE queue.jobs SET lease = lease + 1, attempt = attempt + 1, worker_id = :worker"
    " WHERE kind = :kind AND state = 'executing' RETURNING *"
)
_UNFINISHED = text("SELECT count(*) FROM queue.jobs WHERE kind = :kind")
_ENDED = text("SELECT state FROM queue.job_history WHERE id = :id")


def claim(engine: Engine, args: type[JobArgs]) -> Job[Any]:
    """The oldest waiting job of this kind, executing. Fails the test when there is none."""
    with engine.begin() as connection:
        row = connection.execute(
            _CLAIM, {"kind": args.__job__.kind, "worker": uuid.uuid4()}
        ).one_or_none()
    assert row is not None, f"no {args.__job__.kind} job waits"
    return _job(engine, args, row)


def take_over(engine: Engine, job: Job[Any]) -> Job[Any]:
    """The same job claimed again, with the next lease, while ``job`` still believes it owns it."""
    with engine.begin() as connection:
        row = connection.execute(_TAKE_OVER, {"id": job.id, "worker": uuid.uuid4()}).one()
    return _job(engine, type(job.args), row)


def reclaim(engine: Engine, args: type[JobArgs]) -> Job[Any] | None:
    """What the next worker gets after this kind's was killed; None if the job had ended."""
    with engine.begin() as connection:
        row = connection.execute(
            _RECLAIM, {"kind": args.__job__.kind, "worker": uuid.uuid4()}
        ).one_or_none()
    return None if row is None else _job(engine, args, row)


def unfinished(engine: Engine, args: type[JobArgs]) -> int:
    """How many jobs of this kind have not ended."""
    with engine.begin() as connection:
        return int(connection.execute(_UNFINISHED, {"kind": args.__job__.kind}).scalar_one())


def ended_as(engine: Engine, job: Job[Any]) -> str | None:
    """The final state of the job, None while it has none."""
    with engine.begin() as connection:
        return connection.execute(_ENDED, {"id": job.id}).scalar_one_or_none()


def _job(engine: Engine, args: type[JobArgs], row: Any) -> Job[Any]:
    return Job(
        id=row.id,
        kind=row.kind,
        queue=row.queue,
        args=args.decode(row.args),
        attempt=row.attempt,
        max_attempts=row.max_attempts,
        lease=row.lease,
        inserted_at=row.inserted_at,
        scheduled_at=row.scheduled_at,
        _sessions=sessions_of(engine),
    )
