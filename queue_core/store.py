"""Runs the statements of sql/*.sql: one method per file, of the same name, and no decisions.

The same text runs on a caller's SQLAlchemy connection (inserting, completing, operating: always in
the caller's transaction) and on the runtime's own psycopg connection (claiming and settling, on
AUTOCOMMIT). The schema's name is put in once, when a Store class for it is first made, and only if
it is a plain identifier: it is the one part of a statement that cannot be a parameter.
"""

import functools
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeAlias

import psycopg
import sqlalchemy
from psycopg.rows import dict_row

from queue_core.errors import QueueError

SQL_FOLDER = Path(__file__).parent / "sql"
DEFAULT_SCHEMA = "queue"

Row: TypeAlias = dict[str, Any]  # A row of any statement: its columns are named in the file.
Connection: TypeAlias = "sqlalchemy.Connection | psycopg.Connection[Any]"


@functools.cache
def sql(name: str, schema: str) -> str:
    """The text of one statement for one schema."""
    return (
        (SQL_FOLDER / f"{name}.sql")
        .read_text(encoding="utf-8")
        .replace("{schema}", check_schema(schema))
    )


def check_schema(schema: str) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,40}", schema):
        raise QueueError(
            f"schema {schema!r}: use lower-case letters, digits and _, at most 41 characters"
        )
    return schema


@functools.lru_cache(maxsize=256)
def _encoded(text: str) -> bytes:
    """One object per statement: psycopg finds it in its own caches without hashing it again."""
    return text.encode()


def number_array(values: Iterable[object]) -> str:
    """Numbers, truth values and names of states as PostgreSQL reads an array. psycopg writes one
    element at a time, which costs more than settling the job.
    """
    return f"{{{','.join(map(str, values))}}}"


def text_array(values: Iterable[str | None]) -> str:
    texts = list(values)
    if len(set(texts)) == 1:  # Queue, kind, tags and meta mostly are, for a whole batch.
        return f"{{{','.join([_quoted(texts[0])] * len(texts))}}}"
    return f"{{{','.join(map(_quoted, texts))}}}"


def _quoted(text: str | None) -> str:
    if text is None:
        return "NULL"
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    return '"' + text.replace('"', '\\"') + '"'


class _Statement:
    """A file of sql/ as a method: `store.claim_jobs(queue=…, …)` gives its rows."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, store: "Store", owner: type) -> Callable[..., list[Row]]:
        return functools.partial(store.run, self._name)


class Store:
    """Statements on one connection. Cheap to make."""

    def __init__(self, connection: Connection, schema: str = DEFAULT_SCHEMA) -> None:
        self.connection = connection
        self.schema = schema

    def text(self, name: str) -> str:
        """The statement as it is sent. Negative controls in tests override it, to see a promise
        break.
        """
        return sql(name, self.schema)

    def run(self, name: str, /, **values: Any) -> list[Row]:
        if isinstance(self.connection, psycopg.Connection):
            return self.send(name, **values)()
        result = self.connection.exec_driver_sql(self.text(name), values)
        if not result.returns_rows:
            return []
        names = tuple(result.keys())
        return [dict(zip(names, row, strict=True)) for row in result]

    def send(self, name: str, /, **values: Any) -> Callable[[], list[Row]]:
        """Starts a statement and gives back how to fetch its rows: within a psycopg pipeline
        nothing waits.
        """
        assert isinstance(self.connection, psycopg.Connection)
        cursor = self.connection.cursor(row_factory=dict_row)
        cursor.execute(_encoded(self.text(name)), values)
        # A row number, because asking for the description makes an object of every column.
        return lambda: [] if cursor.rownumber is None else cursor.fetchall()

    # Inserting, in the caller's transaction.
    insert_job = _Statement()
    insert_jobs = _Statement()
    insert_alike_jobs = _Statement()
    allocate_ids = _Statement()
    find_twins = _Statement()
    wake_jobs = _Statement()
    replace_jobs = _Statement()
    take_unique_keys = _Statement()
    find_key_holders = _Statement()
    take_over_unique_key = _Statement()
    list_queue_names = _Statement()
    # Claiming and settling.
    probe_jobs = _Statement()
    claim_jobs = _Statement()
    lock_limiter = _Statement()
    claim_limited_jobs = _Statement()
    complete_jobs = _Statement()
    finish_jobs = _Statement()
    postpone_jobs = _Statement()
    find_settled = _Statement()
    note_stale = _Statement()
    release_jobs = _Statement()
    list_executing = _Statement()
    read_orders = _Statement()
    count_unfinished = _Statement()
    # Finishing in the job's own transaction.
    require_lease = _Statement()
    complete_job = _Statement()
    complete_woken_job = _Statement()
    # Worker processes and the leader's chores.
    register_worker = _Statement()
    renew_workers = _Statement()
    note_clock = _Statement()
    delete_workers = _Statement()
    delete_expired_workers = _Statement()
    list_orphans = _Statement()
    take_leadership = _Statement()
    resign_leadership = _Statement()
    stage_jobs = _Statement()
    notify = _Statement()
    vacuum_state = _Statement()
    server_uptime = _Statement()
    suspend_unknown_kinds = _Statement()
    resume_known_kinds = _Statement()
    make_partition = _Statement()
    list_partitions = _Statement()
    list_expired_partitions = _Statement()
    forget_strays = _Statement()
    forget_cron_runs = _Statement()
    forget_orphan_keys = _Statement()
    forget_limiters = _Statement()
    forget_unique_keys = _Statement()
    # Cron.
    write_cron_entry = _Statement()
    list_cron_entries = _Statement()
    record_cron_run = _Statement()
    advance_cron = _Statement()
    list_cron_runs = _Statement()
    pause_cron = _Statement()
    remove_cron_entry = _Statement()
    find_cluster = _Statement()
    # Operating.
    pick_jobs = _Statement()
    count_picked_jobs = _Statement()
    list_states = _Statement()
    list_jobs = _Statement()
    list_attempts = _Statement()
    list_rejected = _Statement()
    cancel_jobs = _Statement()
    request_cancel = _Statement()
    redrive_jobs = _Statement()
    run_now_jobs = _Statement()
    delete_jobs = _Statement()
    update_jobs = _Statement()
    configure_queue = _Statement()
    list_queues = _Statement()
    pause_queue = _Statement()
    scale_queue = _Statement()
    rekey_jobs = _Statement()
    list_workers = _Statement()
    drain_workers = _Statement()
    count_jobs = _Statement()
    note_operator = _Statement()
    read_version = _Statement()
    # Examining.
    list_indexes = _Statement()
    list_snapshots = _Statement()
    count_stray_rows = _Statement()
    list_unmatched_kinds = _Statement()
    measure_queues = _Statement()
    list_abandoned = _Statement()
    find_leader = _Statement()
    server_state = _Statement()
    list_clocks = _Statement()
    # Tests.
    shift_times = _Statement()
