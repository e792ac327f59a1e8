"""Tells waiting workers to look now, after the commit, never inside it.

A NOTIFY within business transactions serialises every commit of the database. So an insert only
remembers which queues it touched; once its transaction has committed, one thread per process sends
a single coalesced NOTIFY on a connection of its own. Nothing depends on it: workers poll every
second. It is speed, not truth.

SQLAlchemy's traps: Session.after_commit fires also when a SAVEPOINT is released, and Connection's
"commit" event fires before the commit has happened. The first is recognised; after the second we
notify twice, 2 and 25 ms later.
"""

import os
import queue
import threading
import time
import weakref
from collections.abc import Iterable
from typing import Any, TypeAlias

import sqlalchemy
from sqlalchemy import event
from sqlalchemy.orm import Session, scoped_session

from queue_core.lines import IDLE_S, Lines

CONTROL = "!control"
# After a connection's "commit" event the commit itself is still on its way.
_CONNECTION_DELAYS_S = (0.002, 0.025)
# Between two notifications: whoever inserts in a loop says it once for several; the first of them
# is not delayed.
_GAP_S = 0.005

_Item: TypeAlias = tuple[float, sqlalchemy.Engine, str, str]  # when, where, schema, queue
_due: "queue.SimpleQueue[_Item | None]" = queue.SimpleQueue()  # None: end when all is said.
# Per Session or Connection, what to say when it commits.
_pending: "weakref.WeakKeyDictionary[Any, tuple[sqlalchemy.Engine, set[tuple[str, str]]]]" = (
    weakref.WeakKeyDictionary()
)
_thread_lock = threading.Lock()
_thread_of_pid = 0
_thread: threading.Thread | None = None
_REST_S = 1.0


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
    place = owner.get_bind() if isinstance(owner, Session) else owner
    if isinstance(place, sqlalchemy.Engine):
        _remember(owner, place, wanted)
    elif getattr(place.connection.dbapi_connection, "autocommit", False):  # Asked, it is a query.
        _send_later(place.engine, wanted, _CONNECTION_DELAYS_S)
    else:
        _remember(place, place.engine, wanted)
        _listen_to(place)


def _remember(target: Any, engine: sqlalchemy.Engine, wanted: set[tuple[str, str]]) -> None:
    _pending.setdefault(target, (engine, set()))[1].update(wanted)


def _session_committed(session: Session) -> None:
    if session in _pending and not session.in_nested_transaction():
        _send_pending(session, (0.0,))


def _session_rolled_back(session: Session) -> None:
    if session in _pending and not session.in_nested_transaction():
        del _pending[session]


# Of all sessions, once: two listeners for each session would cost a tenth of an insert.
event.listen(Session, "after_commit", _session_committed)
event.listen(Session, "after_rollback", _session_rolled_back)


def _connection_commits(connection: sqlalchemy.Connection) -> None:
    _send_pending(connection, _CONNECTION_DELAYS_S)


def _connection_rolled_back(connection: sqlalchemy.Connection) -> None:
    _pending.pop(connection, None)


def _listen_to(connection: sqlalchemy.Connection) -> None:
    # Never removed: SQLAlchemy is iterating over them when they are called.
    if not event.contains(connection, "commit", _connection_commits):
        event.listen(connection, "commit", _connection_commits)
        event.listen(connection, "rollback", _connection_rolled_back)


def _send_pending(target: Any, delays_s: tuple[float, ...]) -> None:
    if target in _pending:
        engine, wanted = _pending.pop(target)
        _send_later(engine, wanted, delays_s)


def _send_later(
    engine: sqlalchemy.Engine, wanted: set[tuple[str, str]], delays_s: tuple[float, ...]
) -> None:
    now = time.monotonic()
    for delay_s in delays_s:
        for schema, name in wanted:
            _due.put((now + delay_s, engine, schema, name))
    _ensure_thread()


def rest() -> None:
    """Before a fork: says what is due and ends the thread, of which a child would inherit half.
    The next insert starts another.
    """
    global _thread_of_pid
    with _thread_lock:
        ending, _thread_of_pid = _thread if _thread_of_pid == os.getpid() else None, 0
    if ending is not None:
        _due.put(None)
        ending.join(_REST_S)


def _ensure_thread() -> None:
    global _thread_of_pid, _thread  # noqa: PLW0603 - one thread per process
    if _thread_of_pid == os.getpid():
        return
    with _thread_lock:
        if _thread_of_pid != os.getpid():
            _thread_of_pid = os.getpid()
            _thread = threading.Thread(target=_send, name="queue-wakeup", daemon=True)
            _thread.start()


def _after_fork() -> None:
    # A child has neither the thread nor a right to the parent's pooled connections.
    global _thread_of_pid, _due, _thread_lock
    _thread_of_pid, _due, _thread_lock = 0, queue.SimpleQueue(), threading.Lock()


os.register_at_fork(after_in_child=_after_fork)


def _send() -> None:
    waiting: list[_Item] = []
    lines = Lines()
    is_ending = False
    while waiting or not is_ending:
        next_s = min((item[0] for item in waiting), default=None)
        timeout_s = IDLE_S if next_s is None else max(0.0, next_s - time.monotonic())
        items: list[_Item | None] = []
        try:
            items.append(_due.get(timeout=timeout_s if waiting or lines else None))
            while True:
                items.append(_due.get_nowait())
        except queue.Empty:
            pass
        is_ending = is_ending or None in items
        waiting += [item for item in items if item is not None]
        now = time.monotonic()
        lines.close_idle(now)
        ready = [item for item in waiting if item[0] <= now]
        waiting = [item for item in waiting if item[0] > now]
        if ready:
            _say(ready, lines)
            time.sleep(_GAP_S)
    lines.close_idle(float("inf"))


def _say(ready: list[_Item], lines: Lines) -> None:
    groups: dict[tuple[sqlalchemy.Engine, str], set[str]] = {}
    for _, engine, schema, name in ready:
        groups.setdefault((engine, schema), set()).add(name)
    for (engine, schema), names in groups.items():
        lines.say(engine, channel(schema), ",".join(sorted(names)))
