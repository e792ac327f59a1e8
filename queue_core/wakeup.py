"""Tells waiting workers to look now, after the commit, never inside it.

A NOTIFY within business transactions serialises every commit of the database. So an insert only
remembers which queues it touched; once its transaction has committed, one thread per process sends
a single coalesced NOTIFY on a connection of its own. Nothing depends on it: workers poll every
second. It is speed, not truth.

SQLAlchemy's traps: Session.after_commit fires also when a SAVEPOINT is released, and Connection's
"commit" event fires before the commit has happened. The first is recognised; after the second we
notify twice, 2 and 25 ms later.
"""

import contextlib
import os
import queue
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy
from sqlalchemy import event
from sqlalchemy.orm import Session, scoped_session

CONTROL = "!control"
# After a connection's "commit" event the commit itself is still on its way.
_CONNECTION_DELAYS_S = (0.002, 0.025)
# The thread's own connection is kept between bursts and closed when nobody has inserted for a
# while.
_IDLE_S = 5.0
# Between two notifications: whoever inserts in a loop says it once for several; the first of them
# is not delayed.
_GAP_S = 0.005
# A NOTIFY is a commit and would wait for the disk as one: an idle worker would start later by that,
# and every insert share the disk with its own wake-up. A crash may lose it: workers poll.
_NOTIFY = (
    "SELECT set_config('synchronous_commit', 'off', true), pg_notify(%(channel)s, %(payload)s)"
)

_due: "queue.SimpleQueue[tuple[float, sqlalchemy.Engine, str, str]]" = queue.SimpleQueue()
# Per Session or Connection, what to say when it commits. Hooks are never removed: SQLAlchemy is
# iterating over them.
_pending: "weakref.WeakKeyDictionary[Any, tuple[sqlalchemy.Engine, set[tuple[str, str]]]]" = (
    weakref.WeakKeyDictionary()
)
_thread_lock = threading.Lock()
_thread_of_pid = 0


def channel(schema: str) -> str:
    return f"{schema}_look"


def after_commit(
    target: Session | scoped_session[Any] | sqlalchemy.Connection,
    schema: str,
    queues: Iterable[str],
) -> None:
    """Wakes the workers of these queues once the target's transaction has committed."""
    owner: Session | sqlalchemy.Connection = (
        target() if isinstance(target, scoped_session) else target
    )
    wanted = {(schema, name) for name in queues}
    if not wanted:
        return
    connection = owner.connection() if isinstance(owner, Session) else owner
    if isinstance(owner, Session) and not isinstance(owner.get_bind(), sqlalchemy.Connection):
        _remember(owner, connection.engine, wanted, _SESSION_HOOKS)
    elif connection.get_isolation_level() == "AUTOCOMMIT":
        _send_later(connection.engine, wanted, _CONNECTION_DELAYS_S)
    else:
        _remember(connection, connection.engine, wanted, _CONNECTION_HOOKS)


def _remember(
    target: Any,
    engine: sqlalchemy.Engine,
    wanted: set[tuple[str, str]],
    hooks: dict[str, Callable[[Any], None]],
) -> None:
    _pending.setdefault(target, (engine, set()))[1].update(wanted)
    for name, hook in hooks.items():
        if not event.contains(target, name, hook):
            event.listen(target, name, hook)


def _session_committed(session: Session) -> None:
    if not session.in_nested_transaction():
        _send_pending(session, (0.0,))


def _connection_commits(connection: sqlalchemy.Connection) -> None:
    _send_pending(connection, _CONNECTION_DELAYS_S)


def _rolled_back(target: Any) -> None:
    _pending.pop(target, None)


def _send_pending(target: Any, delays_s: tuple[float, ...]) -> None:
    engine, wanted = _pending.pop(target, (None, set()))
    if wanted:
        _send_later(engine, wanted, delays_s)


_SESSION_HOOKS: dict[str, Callable[[Any], None]] = {
    "after_commit": _session_committed,
    "after_rollback": _rolled_back,
}
_CONNECTION_HOOKS: dict[str, Callable[[Any], None]] = {
    "commit": _connection_commits,
    "rollback": _rolled_back,
}


def _send_later(engine: Any, wanted: set[tuple[str, str]], delays_s: tuple[float, ...]) -> None:
    now = time.monotonic()
    for delay_s in delays_s:
        for schema, name in wanted:
            _due.put((now + delay_s, engine, schema, name))
    _ensure_thread()


def _ensure_thread() -> None:
    global _thread_of_pid  # noqa: PLW0603 - one thread per process
    if _thread_of_pid == os.getpid():
        return
    with _thread_lock:
        if _thread_of_pid != os.getpid():
            _thread_of_pid = os.getpid()
            threading.Thread(target=_send_for_ever, name="queue-wakeup", daemon=True).start()


def _after_fork() -> None:
    # A child has neither the thread nor a right to the parent's pooled connections.
    global _thread_of_pid, _due, _thread_lock
    _thread_of_pid, _due, _thread_lock = 0, queue.SimpleQueue(), threading.Lock()


os.register_at_fork(after_in_child=_after_fork)


def _send_for_ever() -> None:
    waiting: list[tuple[float, Any, str, str]] = []
    connections: dict[Any, sqlalchemy.Connection] = {}
    while True:
        next_s = min((item[0] for item in waiting), default=None)
        timeout_s = _IDLE_S if next_s is None else max(0.0, next_s - time.monotonic())
        try:
            waiting.append(_due.get(timeout=timeout_s if waiting or connections else None))
            while True:
                waiting.append(_due.get_nowait())
        except queue.Empty:
            pass
        if not waiting:
            _close_all(connections)
        now = time.monotonic()
        ready = [item for item in waiting if item[0] <= now]
        waiting = [item for item in waiting if item[0] > now]
        if ready:
            _send(ready, connections)
            time.sleep(_GAP_S)


def _send(
    ready: list[tuple[float, Any, str, str]], connections: dict[Any, sqlalchemy.Connection]
) -> None:
    groups: dict[tuple[Any, str], set[str]] = {}
    for _, engine, schema, name in ready:
        groups.setdefault((engine, schema), set()).add(name)
    for (engine, schema), names in groups.items():
        payload = {"channel": channel(schema), "payload": ",".join(sorted(names))}
        # A kept connection may have died since; a new one then gets one chance.
        for _ in range(2):
            try:
                _connection(engine, connections).exec_driver_sql(_NOTIFY, payload)
                break
            except sqlalchemy.exc.SQLAlchemyError:
                # The job is committed and workers poll: a database that is away now costs a
                # second, no job.
                _close_all(connections)


def _connection(
    engine: sqlalchemy.Engine, connections: dict[Any, sqlalchemy.Connection]
) -> sqlalchemy.Connection:
    if engine not in connections:
        # Made as the caller's are, but not of the caller's pool: that may be disposed of under us.
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        connection.detach()
        connections[engine] = connection
    return connections[engine]


def _close_all(connections: dict[Any, sqlalchemy.Connection]) -> None:
    for connection in connections.values():
        with contextlib.suppress(sqlalchemy.exc.SQLAlchemyError):
            connection.close()
    connections.clear()
