"""Operators' verbs on queues and workers: pause, resume, scale, reset, drain, and what is there."""

import json
from uuid import UUID

from queue_core import telemetry, wakeup
from queue_core.errors import InvalidJob
from queue_core.lease import Target, connection_of
from queue_core.lifecycle import clean
from queue_core.settings import PROCESS_LIMIT_MAX, QueueSettings, check_rate
from queue_core.store import DEFAULT_SCHEMA, Row, Store

_EVENTS = {
    "pause": "queue.paused",
    "resume": "queue.resumed",
    "scale": "queue.scaled",
    "reset": "queue.reset",
}


def list_queues(target: Target, *, schema: str = DEFAULT_SCHEMA) -> list[Row]:
    """Settings of every queue, with `paused` and its `counts` per state."""
    counts = stats(target, schema=schema)
    queues = _store(target, schema).list_queues()
    for queue in queues:
        queue["paused"] = queue["paused_at"] is not None
        queue["counts"] = counts.get(queue["name"], {})
    return queues


def stats(target: Target, *, schema: str = DEFAULT_SCHEMA) -> dict[str, dict[str, int]]:
    """{queue: {state: n}}: all unfinished jobs, and those finished within 24 hours."""
    found: dict[str, dict[str, int]] = {}
    for row in _store(target, schema).count_jobs():
        found.setdefault(row["queue"], {})[row["state"]] = row["jobs"]
    return found


def pause_queue(
    target: Target, name: str, *, actor: str = "code", schema: str = DEFAULT_SCHEMA
) -> None:
    """No node starts jobs of this queue any more; running ones end."""
    _ordered(
        target,
        schema,
        name,
        _store(target, schema).pause_queue(name=name, paused=True),
        actor=actor,
        action="pause",
    )


def resume_queue(
    target: Target, name: str, *, actor: str = "code", schema: str = DEFAULT_SCHEMA
) -> None:
    _ordered(
        target,
        schema,
        name,
        _store(target, schema).pause_queue(name=name, paused=False),
        actor=actor,
        action="resume",
    )


def scale_queue(
    target: Target,
    name: str,
    limit: int | None = None,
    *,
    global_limit: int | None = None,
    no_global_limit: bool = False,
    rate: tuple[int, float] | None = None,
    no_rate: bool = False,
    actor: str = "code",
    schema: str = DEFAULT_SCHEMA,
) -> None:
    """Changes how many jobs run at once, per process and over all nodes, and how many start per
    time: `rate=(25, 1.0)`.
    """
    check_rate(name, rate)
    for value in (limit, global_limit):
        if value is not None and (type(value) is not int or not 1 <= value <= PROCESS_LIMIT_MAX):
            raise InvalidJob(
                f"queue {name!r}: a limit must be 1 to {PROCESS_LIMIT_MAX}, not {value!r}; "
                "pause it to run none"
            )
    rows = _store(target, schema).scale_queue(
        name=name,
        process_limit=limit,
        global_limit=global_limit,
        set_global=global_limit is not None or no_global_limit,
        set_rate=rate is not None or no_rate,
        rate_starts=rate[0] if rate else None,
        rate_period_s=rate[1] if rate else None,
    )
    _ordered(target, schema, name, rows, actor=actor, action="scale")


def reset_queue(
    target: Target, settings: QueueSettings, *, actor: str = "code", schema: str = DEFAULT_SCHEMA
) -> None:
    """Back to the configured limits: drops what operators changed."""
    store = _store(target, schema)
    store.configure_queue(**settings.values(), overwrite=True)
    store.rekey_jobs(name=settings.name)
    _ordered(target, schema, settings.name, [{"name": settings.name}], actor=actor, action="reset")


def list_workers(target: Target, *, schema: str = DEFAULT_SCHEMA) -> list[Row]:
    return _store(target, schema).list_workers()


def drain_workers(
    target: Target,
    *,
    ids: tuple[UUID, ...] = (),
    node: str | None = None,
    drain: bool = True,
    actor: str = "code",
    schema: str = DEFAULT_SCHEMA,
) -> int:
    """These worker processes claim nothing more (or again, with drain=False); returns how many
    there are. A node stays drained over restarts; processes named by id end with their process.
    """
    store = _store(target, schema)
    rows = store.drain_workers(ids=list(ids), node=node, drain=drain)
    subject = json.dumps({"ids": [str(row["id"]) for row in rows], "drain": drain})
    store.note_operator(actor=clean(actor), action="drain", subject=subject, affected=len(rows))
    wakeup.after_commit(target, schema, {wakeup.CONTROL})
    return len(rows)


def _store(target: Target, schema: str) -> Store:
    return Store(connection_of(target), schema)


def _ordered(
    target: Target, schema: str, name: str, rows: list[Row], *, actor: str, action: str
) -> None:
    store = _store(target, schema)
    if not rows:
        known = ", ".join(row["name"] for row in store.list_queue_names())
        raise InvalidJob(f"queue {name!r} is unknown; known are {known}")
    store.note_operator(
        actor=clean(actor), action=action, subject=json.dumps({"queue": name}), affected=1
    )
    telemetry.emit(_EVENTS[action], queue=name, actor=actor)
    wakeup.after_commit(target, schema, {wakeup.CONTROL})
