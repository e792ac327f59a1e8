"""Where it is measured: the embedded server with its default durability, a new database each time.

Another server may be named, for a quick look; what it is set to is part of the result.
"""

import itertools
import os
import platform
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from payments_app import embedded_postgres

ROOT = Path(__file__).parent.parent
DATA_DIR = ROOT / "benchmarks" / ".data"
SHOWN = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers")


@dataclass
class World:
    """A server, and a folder for pages that workers share."""

    admin_url: str
    folder: Path
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _templates: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def database(self, kind: str, install: Callable[[str], None]) -> Iterator[str]:
        """A database with the contestant's tables and nothing else; dropped at the end."""
        if kind not in self._templates:
            self._templates[kind] = self._create(f"bench_{os.getpid()}_template_{kind}", None)
            install(self._url(self._templates[kind]))
        name = self._create(
            f"bench_{os.getpid()}_{next(self._numbers)}", template=self._templates[kind]
        )
        try:
            # Each measurement begins with the same distance to the next checkpoint.
            self.execute(sql.SQL("CHECKPOINT"))
            yield self._url(name)
        finally:
            self._drop(name)

    def new_page(self) -> Path:
        return self.folder / f"page_{next(self._numbers)}"

    def execute(self, statement: sql.Composable) -> None:
        with connect(self.admin_url) as connection:
            connection.execute(sql.Composed([statement]))

    def describe(self) -> dict[str, Any]:
        with connect(self.admin_url) as connection:
            settings = {
                name: connection.execute(f"SHOW {name}".encode()).fetchone() for name in SHOWN
            }
        return {
            "machine": platform.platform(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "commit": _commit(),
            **{f"postgres_{name}": row[0] for name, row in settings.items() if row},
        }

    def close(self) -> None:
        for name in self._templates.values():
            self._drop(name)

    def _create(self, name: str, template: str | None) -> str:
        names = (sql.Identifier(name), sql.Identifier(template or "template1"))
        self.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
        return name

    def _drop(self, name: str) -> None:
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        self.execute(statement.format(sql.Identifier(name)))

    def _url(self, name: str) -> str:
        return self.admin_url.rpartition("/")[0] + f"/{name}"


@contextmanager
def world(folder: Path, admin_url: str | None = None) -> Iterator[World]:
    if admin_url is None:
        with (
            embedded_postgres.server(DATA_DIR, settings={}) as url,
            world(folder, plain(url).rpartition("/")[0] + "/postgres") as made,
        ):
            yield made
        return
    made = World(plain(admin_url), folder)
    try:
        yield made
    finally:
        made.close()


def connect(url: str) -> "psycopg.Connection[Any]":
    return psycopg.connect(plain(url), autocommit=True)


def plain(url: str) -> str:
    """As drivers want it, without SQLAlchemy's name of the driver."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return platform.processor()
    lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if "model name" in line), "?")


def _commit() -> str:
    shown = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return shown.stdout.strip() or "unknown"
