"""Operators' verbs on jobs: list, show, retry, run now, cancel, delete, update; each in bulk by
filter.

A bulk verb picks ids first and checks their state again when it writes: what moved in between is
reported as skipped, never forced. Every deed is written to the operator's log in its own
transaction.
"""

import json
from typing import Any

from queue_core import wakeup
from queue_core.args import check_json, check_options, to_json
from queue_core.control.selection import ALL_STATES, Changed, Filter, storable
from queue_core.errors import InvalidJob
from queue_core.lease import Target, connection_of
from queue_core.lifecycle import FINISHED, UNFINISHED, WAITING, JobState, clean
from queue_core.store import DEFAULT_SCHEMA, Row, Store

# A bulk verb touches at most this many jobs in one transaction; call it again for the rest.
BULK_MAX = 10_000
# A person's words; they are written into every job that they end.
REASON_MAX = 4096


def list_jobs(
    target: Target,
    which: Filter | None = None,
    *,
    limit: int = 50,
    before_id: int | None = None,
    schema: str = DEFAULT_SCHEMA,
) -> list[Row]:
    """Newest first, each with its `errors`."""
    which = which or Filter()
    store = _store(target, schema)
    states = None if which.states is None else list(which.states)
    jobs = store.list_jobs(**which.values(), states=states, before_id=before_id, limit=limit)
    attempts = store.list_attempts(ids=[job["id"] for job in jobs]) if jobs else []
    for job in jobs:
        job["attempts"] = [row for row in attempts if row["job_id"] == job["id"]]
        job["errors"] = [row["error"] for row in job["attempts"] if row["error"]]
        if job["error"]:
            job["errors"].append(job["error"])
    return jobs


def show_job(target: Target, job_id: int, *, schema: str = DEFAULT_SCHEMA) -> Row | None:
    jobs = list_jobs(target, Filter(ids=(job_id,)), limit=1, schema=schema)
    return jobs[0] if jobs else None


def count_jobs(target: Target, which: Filter, *, schema: str = DEFAULT_SCHEMA) -> int:
    """All of them, however many."""
    states = list(which.states or ALL_STATES)
    rows = _store(target, schema).count_picked_jobs(**which.values(), states=states)
    return int(rows[0]["jobs"])


def retry(
    target: Target,
    which: Filter | int,
    *,
    attempts: int = 1,
    dry_run: bool = False,
    actor: str = "code",
    schema: str = DEFAULT_SCHEMA,
) -> Changed:
    """Finished jobs start a new life with `attempts` more; waiting ones run now. A newer twin is a
    message.
    """
    if attempts < 1:
        raise InvalidJob("attempts must be 1 or more")
    store = _store(target, schema)
    wanted = _pick(store, which, (*FINISHED, JobState.RETRYABLE, JobState.SCHEDULED))
    if dry_run:
        return Changed(tuple(wanted), {}, dry_run=True)
    rows = store.redrive_jobs(ids=wanted, attempts=attempts) + store.run_now_jobs(ids=wanted)
    wakeup.after_commit(target, schema, {row["queue"] for row in rows})
    skipped = _skipped(store, which, wanted, "a newer unique job is unfinished, or it runs already")
    return _changed(store, rows, skipped, actor, "retry")


def run_now(
    target: Target,
    which: Filter | int,
    *,
    dry_run: bool = False,
    actor: str = "code",
    schema: str = DEFAULT_SCHEMA,
) -> Changed:
    store = _store(target, schema)
    wanted = _pick(store, which, (JobState.SCHEDULED, JobState.RETRYABLE, JobState.SUSPENDED))
    if dry_run:
        return Changed(tuple(wanted), {}, dry_run=True)
    rows = store.run_now_jobs(ids=wanted)
    wakeup.after_commit(target, schema, {row["queue"] for row in rows})
    skipped = _skipped(store, which, wanted, "it no longer waits")
    return _changed(store, rows, skipped, actor, "run_now")


def cancel(
    target: Target,
    which: Filter | int,
    *,
    reason: str = "cancelled by an operator",
    dry_run: bool = False,
    actor: str = "code",
    schema: str = DEFAULT_SCHEMA,
) -> Changed:
    """Waiting jobs end now; executing ones are asked to stop and end as cancelled unless they
    finish first.
    """
    store = _store(target, schema)
    wanted = _pick(store, which, UNFINISHED)
    if dry_run:
        return Changed(tuple(wanted), {}, dry_run=True)
    reason = clean(reason, REASON_MAX)
    # Asked twice: a job may start or be released between the two statements.
    rows = store.cancel_jobs(ids=wanted, reason=reason)
    rows += store.request_cancel(ids=wanted, reason=reason)
    rows += store.cancel_jobs(ids=wanted, reason=reason)
    wakeup.after_commit(target, schema, {wakeup.CONTROL})
    skipped = _skipped(store, which, wanted, "it finished first")
    return _changed(store, rows, skipped, actor, "cancel")


def delete(
    target: Target,
    which: Filter | int,
    *,
    dry_run: bool = False,
    actor: str = "code",
    schema: str = DEFAULT_SCHEMA,
) -> Changed:
    """Removes waiting and finished jobs for good; an executing one must be cancelled first."""
    store = _store(target, schema)
    wanted = _pick(store, which, (*WAITING, *FINISHED))
    if dry_run:
        return Changed(tuple(wanted), {}, dry_run=True)
    rows = store.delete_jobs(ids=wanted)
    skipped = _skipped(store, which, wanted, "it executes: cancel it first")
    return _changed(store, rows, skipped, actor, "delete")


def update(
    target: Target,
    which: Filter | int,
    *,
    priority: int | None = None,
    max_attempts: int | None = None,
    tags: tuple[str, ...] | None = None,
    meta: dict[str, Any] | None = None,
    dry_run: bool = False,
    actor: str = "code",
    schema: str = DEFAULT_SCHEMA,
) -> Changed:
    """Changes waiting jobs; None leaves a field as it is. `meta` is merged into what is there, and
    of `max_attempts` one is always left.
    """
    attempts = 1 if max_attempts is None else max_attempts
    check_options("update", attempts, 0 if priority is None else priority, tags or ())
    check_json(meta, "update: meta")
    store = _store(target, schema)
    wanted = _pick(store, which, WAITING)
    if dry_run:
        return Changed(tuple(wanted), {}, dry_run=True)
    rows = store.update_jobs(
        ids=wanted,
        priority=priority,
        max_attempts=max_attempts,
        tags=None if tags is None else list(tags),
        meta=None if meta is None else to_json(meta),
    )
    skipped = _skipped(store, which, wanted, "it executes")
    return _changed(store, rows, skipped, actor, "update")


def rejected(target: Target, *, limit: int = 50, schema: str = DEFAULT_SCHEMA) -> list[Row]:
    """Stale results and rescues, newest first."""
    return _store(target, schema).list_rejected(limit=limit)


def _store(target: Target, schema: str) -> Store:
    return Store(connection_of(target), schema)


def _pick(store: Store, which: Filter | int, allowed: tuple[str, ...]) -> list[int]:
    chosen = Filter(ids=(which,)) if isinstance(which, int) else which
    states = [state for state in (chosen.states or allowed) if state in allowed]
    rows = store.pick_jobs(**chosen.values(), states=states, limit=BULK_MAX)
    return [row["id"] for row in rows]


def _skipped(store: Store, which: Filter | int, wanted: list[int], why: str) -> dict[int, str]:
    """Why a job may be left out: those asked for by id too, whose state does not allow the verb."""
    asked = (which,) if isinstance(which, int) else which.ids or ()
    missed = sorted(set(asked) - set(wanted))
    rows = store.list_states(ids=storable(missed)) if missed else []
    known = {row["id"]: f"it is {row['state']}" for row in rows}
    return dict.fromkeys(wanted, why) | {one: known.get(one, "no such job") for one in missed}


def _changed(
    store: Store, rows: list[Row], skipped: dict[int, str], actor: str, action: str
) -> Changed:
    ids = tuple(sorted({row["id"] for row in rows}))
    subject = json.dumps({"ids": ids[:1000]})
    store.note_operator(actor=clean(actor), action=action, subject=subject, affected=len(ids))
    return Changed(ids, {job_id: why for job_id, why in skipped.items() if job_id not in set(ids)})
