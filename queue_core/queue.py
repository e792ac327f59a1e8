"""A queue as one object: where its tables are, which queues it has, who performs its jobs.

Opens nothing until used, so it can be made at import time and before a fork. Services need no
instance: they call `queue_core.insert`; the composition root makes a Queue with workers and runs
it.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import sqlalchemy

from queue_core import alive, enqueue, schema, wakeup
from queue_core.args import JobArgs, PlainArgs
from queue_core.batch import Inserted
from queue_core.control import stats
from queue_core.crontab import Cron
from queue_core.errors import QueueError
from queue_core.lease import Target
from queue_core.registry import Registry, WorkerLike
from queue_core.runtime import RuntimeOptions, connect, run_supervisor
from queue_core.runtime.history import Retention
from queue_core.settings import QueueSettings
from queue_core.store import DEFAULT_SCHEMA, Store, check_schema


class Queue:
    """`Queue(url, queues={"default": 10}, workers=[Mailer])`."""

    def __init__(
        self,
        database_url: str | None = None,
        *,
        queues: Mapping[str, int | Mapping[str, Any]] | None = None,
        workers: Iterable[WorkerLike] = (),
        cron: Iterable[Cron] = (),
        schema: str = DEFAULT_SCHEMA,
        engine: sqlalchemy.Engine | None = None,
    ) -> None:
        self.schema = check_schema(schema)
        self.queues = [
            QueueSettings.parse(name, value) for name, value in (queues or {"default": 10}).items()
        ]
        self.registry = Registry(workers)
        self.cron = list(cron)
        names = [entry.name for entry in self.cron]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise QueueError(f"cron {twice[0]!r} is declared twice; one entry per name")
        self._url = _with_driver(database_url)
        self._engine = engine
        self._lock = threading.Lock()

    @property
    def database_url(self) -> str:
        if self._url is None:
            if self._engine is None:
                raise QueueError(
                    'this Queue has no database: Queue("postgresql://…") or Queue(engine=…)'
                )
            return self._engine.url.render_as_string(hide_password=False)
        return self._url

    @property
    def engine(self) -> sqlalchemy.Engine:
        """Made at the first use, so that a fork before it inherits nothing."""
        with self._lock:
            if self._engine is None:
                self._engine = connect.poolable(
                    alive.checked(sqlalchemy.create_engine(self.database_url))
                )
            return self._engine

    def install(self) -> None:
        """Creates or upgrades the tables and writes configured queues that have no row yet."""
        with self.engine.begin() as connection:
            schema.install(connection, self.schema)
            store = Store(connection, self.schema)
            for settings in self.queues:
                store.configure_queue(**settings.values(), overwrite=False)

    def insert(self, target: Target, args: JobArgs | PlainArgs, **options: Any) -> Inserted:
        return enqueue.insert(target, args, schema=self.schema, **options)

    def insert_all(
        self, target: Target, many: Iterable[JobArgs | PlainArgs], **options: Any
    ) -> list[Inserted]:
        return enqueue.insert_all(target, many, schema=self.schema, **options)

    def stats(self) -> dict[str, dict[str, int]]:
        """{queue: {state: n}}: unfinished jobs, and those finished within 24 hours."""
        with self.engine.connect() as connection:
            return stats(connection, schema=self.schema)

    def run(
        self,
        processes: int = 1,
        *,
        stop_when_empty: bool = False,
        queues: Mapping[str, int | None] | None = None,
        on_ready: Callable[[], None] | None = None,
        install_signal_handlers: bool = True,
        metrics_port: int | None = None,
        metrics_host: str = "127.0.0.1",
        **options: Any,
    ) -> int:
        """Performs jobs until TERM, or until none is left. `queues` picks queues of this node,
        with lower caps; `history_days` is a number, or one per state: {"completed": 7}.

        Forks its children, so call it before starting threads; connections opened earlier are left
        alone. Returns 0, or 1 when children could not be kept alive.
        """
        chosen = self._choose(queues)
        if unknown := sorted(set(options) - set(RuntimeOptions.__dataclass_fields__)):
            known = ", ".join(RuntimeOptions.__dataclass_fields__)
            raise QueueError(f"run: unknown option {unknown[0]!r}; known are {known}")
        if "history_days" in options:
            options["history_days"] = Retention.parse(options["history_days"])
        runtime = RuntimeOptions(
            database_url=self.database_url,
            schema=self.schema,
            queues=tuple(chosen),
            caps={name: cap for name, cap in (queues or {}).items() if cap is not None},
            processes=processes,
            stop_when_empty=stop_when_empty,
            **options,
        )
        wakeup.rest()
        with _metrics(metrics_port, metrics_host):
            return run_supervisor(
                runtime,
                self.registry,
                self.cron,
                on_ready=on_ready,
                install_signal_handlers=install_signal_handlers,
            )

    def _choose(self, queues: Mapping[str, int | None] | None) -> list[QueueSettings]:
        if queues is None:
            return self.queues
        known = {settings.name: settings for settings in self.queues}
        if unknown := sorted(set(queues) - set(known)):
            raise QueueError(
                f"queue {unknown[0]!r} is unknown here; configured are {', '.join(known)}"
            )
        return [known[name] for name in queues]


def _metrics(port: int | None, host: str) -> AbstractContextManager[None]:
    if port is None:
        return nullcontext()
    try:
        from queue_core import metrics
    except ImportError:
        raise QueueError("metrics_port needs the package prometheus-client: install it") from None
    return metrics.serving(port, host)


def _with_driver(url: str | None) -> str | None:
    """Accepts what people write; SQLAlchemy wants the driver's name in it."""
    for prefix in ("postgresql://", "postgres://"):
        if url is not None and url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url
