"""The connections on which a process says "look now": one per database, few, and of no pool.

Each is made as the caller's own are, by a twin of the caller's pool: a connection that was taken
out of that pool itself would leave its place behind, and the caller would then use two connections
by turns instead of one. Whoever makes an engine per call must not run the server out of
connections: the one that was silent for longest makes room.
"""

import contextlib
import time

import sqlalchemy
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import Pool

# Kept between bursts, closed when nobody has inserted for a while.
IDLE_S = 5.0
LINES_MAX = 4
# A NOTIFY is a commit and would wait for the disk as one: an idle worker would start later by that,
# and every insert share the disk with its own wake-up. A crash may lose it: workers poll.
_NOTIFY = (
    "SELECT set_config('synchronous_commit', 'off', true), pg_notify(%(channel)s, %(payload)s)"
)


class Lines:
    """Of one thread."""

    def __init__(self) -> None:
        # In the order of their last use. By pool, not by engine: copies of an engine with other
        # options share it.
        self._lines: dict[Pool, tuple[DBAPIConnection, float]] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def say(self, engine: sqlalchemy.Engine, channel: str, payload: str) -> None:
        """Sends it, or lets it be: the job is committed and workers poll, so that a database which
        is away now costs a second and no job.
        """
        # A kept connection may have died since; a new one then gets one chance.
        for _ in range(2):
            try:
                line = self._take(engine)
                cursor = line.cursor()
                cursor.execute(_NOTIFY, {"channel": channel, "payload": payload})
                cursor.close()
            except Exception:  # noqa: BLE001
                # Of whatever driver, or of a pool that may make no more: this thread must live on.
                self._close(engine.pool)
            else:
                return

    def close_idle(self, now_s: float) -> None:
        for pool, (_, used_s) in list(self._lines.items()):
            if now_s - used_s >= IDLE_S:
                self._close(pool)

    def _take(self, engine: sqlalchemy.Engine) -> DBAPIConnection:
        pool = engine.pool
        line, _ = self._lines.pop(pool, (None, 0.0))
        if line is None:
            line = _open(engine)
        self._lines[pool] = (line, time.monotonic())
        while len(self._lines) > LINES_MAX:
            self._close(next(iter(self._lines)))
        return line

    def _close(self, pool: Pool) -> None:
        line, _ = self._lines.pop(pool, (None, 0.0))
        if line is not None:
            with contextlib.suppress(Exception):
                line.close()


def _open(engine: sqlalchemy.Engine) -> DBAPIConnection:
    made = engine.pool.recreate().connect()
    line = made.dbapi_connection
    assert line is not None
    made.detach()  # Its pool, of which it is the only one, forgets it.
    engine.dialect.set_isolation_level(line, "AUTOCOMMIT")
    return line
