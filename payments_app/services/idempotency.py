"""The same request sent twice is executed once, and both get the same answer.

Key, writes, jobs and the stored answer are one transaction, so there is no moment in which one of
them exists without the others: a crash leaves nothing, and the client simply sends it again.

Two statements, in this order, in READ COMMITTED: take the key's advisory lock, then look for its
record. One statement for both would look with the snapshot from before the lock was free, miss the
record that the first request had just committed, and execute twice.
"""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from payments_app.domain.errors import IdempotencyKeyReused, RequestInProgress
from payments_app.domain.idempotency import KEEP_FOR, IdempotencyRecord

# One merchant, so one account. Keys are not separated by API key: a client that retries after its
# API key was rotated must still meet its own first request.
ACCOUNT = "main"

# hashtextextended with a seed of our own: 64 bits, apart from the other advisory locks here.
_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:account || ' ' || :key, 88101))")
PRUNE_BATCH_SIZE = 1000


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked: the client's name for it, and a fingerprint of all that it says."""

    key: str
    method: str
    path: str
    fingerprint: str
    account: str = ACCOUNT


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back: plain values, so that it can be kept."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


def request(key: str, *, method: str, path: str, body: object) -> Request:
    """The request as a value. Order and spacing of the JSON body do not count, its values do."""
    canonical = json.dumps([method, path, body], sort_keys=True, separators=(",", ":"))
    fingerprint = hashlib.sha256(canonical.encode()).hexdigest()
    return Request(key=key, method=method, path=path, fingerprint=fingerprint)


def reserve(session: Session, asked: Request, now: datetime) -> Answer | None:
    """The stored answer, or None: this transaction executes it, and nobody else until it ends.

    Raises RequestInProgress while another one executes it, IdempotencyKeyReused when the key
    belongs to a request that said something else.
    """
    got = session.execute(_LOCK, {"account": asked.account, "key": asked.key}).scalar_one()
    if not got:
        raise RequestInProgress(
            "The first request with this Idempotency-Key is still running. "
            "Send the same request again in a second."
        )
    record = session.scalars(
        select(IdempotencyRecord).where(
            IdempotencyRecord.account == asked.account, IdempotencyRecord.key == asked.key
        )
    ).one_or_none()
    if record is None:
        return None
    if record.expires_at <= now:
        session.delete(record)
        session.flush()
        return None
    if record.fingerprint != asked.fingerprint:
        raise IdempotencyKeyReused(
            f"This Idempotency-Key was used for another request ({record.method} {record.path}). "
            "Use a new key for a new request; send a repeated one unchanged."
        )
    record.replays += 1
    return Answer(record.status, record.body, record.headers)


def finish(session: Session, asked: Request, answer: Answer, now: datetime) -> None:
    """Keep the answer; it is committed together with what the request did."""
    subject = answer.body.get("id")
    session.add(
        IdempotencyRecord(
            account=asked.account,
            key=asked.key,
            fingerprint=asked.fingerprint,
            method=asked.method,
            path=asked.path,
            status=answer.status,
            body=answer.body,
            headers=answer.headers,
            subject_id=subject if isinstance(subject, str) else None,
            expires_at=now + KEEP_FOR,
        )
    )
    session.flush()


def prune(session: Session, now: datetime) -> int:
    """Drop one batch of expired records; how many it was. Call again while it is a full batch."""
    expired = (
        select(IdempotencyRecord.account, IdempotencyRecord.key)
        .where(IdempotencyRecord.expires_at <= now)
        .limit(PRUNE_BATCH_SIZE)
        .with_for_update(skip_locked=True)
        .subquery()
    )
    dropped = session.execute(
        delete(IdempotencyRecord)
        .where(
            IdempotencyRecord.account == expired.c.account, IdempotencyRecord.key == expired.c.key
        )
        .returning(IdempotencyRecord.key)
        .execution_options(synchronize_session=False)
    )
    return len(dropped.all())
