"""The file behind the gateway: one connection, one lock, one transaction per request.

An execution, its idempotency record, its journal line and its events are one transaction, so a
SIGKILL at any moment leaves either all of them or none. WAL with ``synchronous=NORMAL`` is enough
for that: the kernel keeps what a killed process wrote, and only a power cut could take the last
commits away, which a test gateway may lose.

The lock makes every request happen at one moment: two confirms of one intent cannot overlap.
"""

import fcntl
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from payments_app.gateway.simulator import clock
from payments_app.gateway.simulator.schema import SCHEMA, TABLES, UPGRADES, VERSION
from payments_app.gateway.simulator.values import Body, new_id


class StoreUnavailable(Exception):
    """The gateway's file cannot be used. The message names the folder and what would be right."""


class Transaction:
    """What an operation works with: rows, the one moment at which it happens, events to tell."""

    def __init__(self, connection: sqlite3.Connection, now_s: float) -> None:
        self._connection = connection
        self.now_s = now_s
        self.emitted = 0

    def one(self, sql: str, *values: object) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
        return row

    def all(self, sql: str, *values: object) -> list[sqlite3.Row]:
        return self._connection.execute(sql, values).fetchall()

    def insert(self, table: str, **values: object) -> None:
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        # Table and column names are ours, written in this package.
        sql = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608
        self._connection.execute(sql, tuple(values.values()))

    def update(self, table: str, row_id: str, **values: object) -> None:
        moves = ", ".join(f"{name} = ?" for name in values)
        sql = f"UPDATE {table} SET {moves} WHERE id = ?"  # noqa: S608 - our own names, as above
        self._connection.execute(sql, (*values.values(), row_id))

    def run(self, sql: str, *values: object) -> int:
        return self._connection.execute(sql, values).rowcount

    def emit(self, kind: str, shown: Body, *, copies: int = 1) -> None:
        """Record an event; the delivery thread sends it after the commit."""
        self.insert(
            "event",
            id=new_id("evt"),
            type=kind,
            object=json.dumps(shown),
            created_s=self.now_s,
            copies=copies,
        )
        self.emitted += 1


class Store:
    """The file, opened by exactly one process (a lock beside it says so)."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "gateway.sqlite3"
        self._guard = _lock_folder(folder)
        self._lock = threading.Lock()
        self._connection = self._open()
        self._install()
        self.advanced_s = self._stored_advance_s()

    def now_s(self) -> float:
        return clock.wall_s() + self.advanced_s

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Everything or nothing; alone."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield Transaction(self._connection, self.now_s())
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @contextmanager
    def snapshot(self) -> Iterator[Transaction]:
        """A consistent look that holds nobody up: WAL readers have a connection of their own."""
        connection = self._open()
        try:
            connection.execute("BEGIN")
            yield Transaction(connection, self.now_s())
        finally:
            connection.close()

    def advance(self, seconds: float) -> None:
        with self.transaction() as tx:
            advanced_s = self.advanced_s + seconds
            tx.run(
                "INSERT INTO setting VALUES ('advanced_s', ?)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                repr(advanced_s),
            )
            self.advanced_s = advanced_s

    def reset(self) -> None:
        with self.transaction() as tx:
            for table in TABLES:
                tx.run(f"DELETE FROM {table}")  # noqa: S608 - names from schema.py
            self.advanced_s = 0.0

    def _open(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                self.path, isolation_level=None, check_same_thread=False, timeout=10
            )
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            # A checkpoint is the one moment that waits for the disk: sixteen megabytes apart.
            connection.execute("PRAGMA wal_autocheckpoint = 4000")
        except sqlite3.Error as error:
            message = f"cannot open {self.path}: {error}. Give a folder that you may write to."
            raise StoreUnavailable(message) from error
        return connection

    def _install(self) -> None:
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in {0, *UPGRADES, VERSION}:
            message = f"{self.path} was made by another version of the gateway. Remove the file"
            raise StoreUnavailable(f"{message}, or give another folder (DATA_DIR or --data).")
        self._connection.executescript(UPGRADES.get(version, ""))
        self._connection.executescript(f"{SCHEMA} PRAGMA user_version = {VERSION};")

    def _stored_advance_s(self) -> float:
        row: Sequence[Any] | None = self._connection.execute(
            "SELECT value FROM setting WHERE name = 'advanced_s'"
        ).fetchone()
        return float(row[0]) if row else 0.0


def _lock_folder(folder: Path) -> IO[str]:
    # Faults and keys in flight live in one process's memory: two on one file would each see half.
    # The kernel drops the lock with its owner, so a killed simulator never blocks the next one.
    try:
        folder.mkdir(parents=True, exist_ok=True)
        guard = (folder / "gateway.lock").open("w")
    except OSError as error:
        message = f"cannot write to {folder}: {error.strerror}. Give a folder that you may write to"
        raise StoreUnavailable(f"{message} (DATA_DIR or --data).") from error
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        guard.close()
        message = f"another gateway is already running with its data in {folder}. Stop it first"
        raise StoreUnavailable(
            f"{message}, or give another folder (DATA_DIR or --data)."
        ) from error
    return guard
