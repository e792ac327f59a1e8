"""The runtime's own connections: AUTOCOMMIT, bounded in every direction, made again after any
loss.

BEGIN and COMMIT are two round trips that a single guarded statement does not need. Custom plans,
because a generic one made a settle of 500 rows quadratic. Behind a transaction pooler (its key
data name another process than the server does) nothing may be set for the session: no prepared
statements, no LISTEN.
"""

import json
from typing import Any

import psycopg
import sqlalchemy
from psycopg.types.json import set_json_loads

from queue_core import alive, telemetry
from queue_core.runtime.options import RuntimeOptions

# A database that answers nothing for this long counts as lost; every wait of the runtime is
# bounded by it.
STATEMENT_TIMEOUT_S = 15
CONNECT_TIMEOUT_S = 5

_DECODER = json.JSONDecoder()

Lost = (psycopg.OperationalError, psycopg.InterfaceError)


def connect(
    url: str, component: str, *, statement_timeout_s: float = STATEMENT_TIMEOUT_S
) -> psycopg.Connection[Any]:
    connection = psycopg.connect(
        plain_url(url),
        autocommit=True,
        connect_timeout=CONNECT_TIMEOUT_S,
        application_name=f"queue_core {component}",
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
        tcp_user_timeout=STATEMENT_TIMEOUT_S * 1000,
    )
    set_json_loads(_load_json, connection)
    if is_pooled(connection):
        connection.prepare_threshold = None
    else:
        connection.execute("SET plan_cache_mode = force_custom_plan")
        connection.execute(f"SET statement_timeout = {int(statement_timeout_s * 1000)}")
    return connection


def _load_json(text: bytes | str) -> Any:
    """What PostgreSQL wrote needs no guessing of its encoding and has no blanks around it."""
    if text == b"{}":
        return {}  # Most jobs have no meta.
    return _DECODER.raw_decode(text.decode() if isinstance(text, bytes) else text)[0]


def make_engine(options: RuntimeOptions) -> sqlalchemy.Engine:
    """For the jobs' own sessions: opened when needed, and kept up to the configured number of jobs.
    There is no bound above: an operator may scale a queue while it runs, and a job that waits for
    its connection fails.
    """
    slots = sum(options.caps.get(settings.name, settings.limit) for settings in options.queues)
    made = sqlalchemy.create_engine(
        options.database_url,
        # The one that was used last is warm: its statements are prepared, its pages are cached.
        pool_use_lifo=True,
        pool_size=min(slots, 50),
        max_overflow=-1,
        connect_args={"application_name": "queue_core jobs"},
    )
    return poolable(alive.checked(made))


def poolable(engine: sqlalchemy.Engine) -> sqlalchemy.Engine:
    """Lets its connections, too, prepare nothing behind a transaction pooler: statements prepared
    on one server session are called on another there.
    """
    sqlalchemy.event.listen(engine, "connect", _prepare_nothing_if_pooled)
    return engine


def _prepare_nothing_if_pooled(connection: psycopg.Connection[Any], _: object) -> None:
    set_json_loads(_load_json, connection)
    if is_pooled(connection):
        connection.prepare_threshold = None
    connection.rollback()


def is_pooled(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    return row is None or row[0] != connection.info.backend_pid


def plain_url(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def close(connection: psycopg.Connection[Any] | None) -> None:
    if connection is not None:
        connection.close()


def report_lost(component: str, error: BaseException) -> None:
    telemetry.emit("database.lost", component=component, error=str(error).strip())
