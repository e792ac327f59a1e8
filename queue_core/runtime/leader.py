"""The cluster's chores, done by whoever holds the leader lease.

Every child runs for office when it sees the lease free; the row decides. The winner opens a
connection of its own, and another for vacuum, works while it can extend its lease, and resigns
when it stops. Identity is a random id. Two leaders (one believed dead) are safe: every chore is
idempotent, bounded and SKIP LOCKED.
"""

import threading
from collections.abc import Callable, Iterable
from uuid import UUID

from queue_core import telemetry
from queue_core.crontab import Cron
from queue_core.runtime import connect as connecting
from queue_core.runtime import history, stager
from queue_core.runtime.cron import CronTicker
from queue_core.runtime.keys import KeySweeper
from queue_core.runtime.loop import Chore, run_due
from queue_core.runtime.options import RuntimeOptions
from queue_core.runtime.reaper import Reaper
from queue_core.runtime.vacuum import EVERY_S as VACUUM_EVERY_S
from queue_core.runtime.vacuum import Vacuum
from queue_core.store import Store

STAGE_EVERY_S = 0.5
CRON_EVERY_S = 1.0
REAP_EVERY_S = 1.0
SWEEP_EVERY_S = 5.0
KINDS_EVERY_S = 5.0
HOUSEKEEPING_EVERY_S = 600.0
FORGET_KEYS_EVERY_S = 60.0
# A vacuum of a table that grew large while a snapshot held it may take long, and hurts nobody.
VACUUM_TIMEOUT_S = 600.0


class Leader:
    """At most one office and its threads per process."""

    def __init__(
        self,
        options: RuntimeOptions,
        cron: Iterable[Cron],
        holder: UUID,
        *,
        trouble_s: Callable[[], float],
    ) -> None:
        self._options = options
        self._holder = holder
        self._reaper = Reaper(options, trouble_s)
        self._stopping = threading.Event()
        self._in_office = threading.Event()
        self._was_elected = False  # Cleared later than the office: resigning is told once.
        self._thread: threading.Thread | None = None
        self._cron = CronTicker(cron)
        self._keys = KeySweeper()

    def run_for_office(self) -> None:
        """Called whenever the lease is seen free. Returns at once."""
        if not self._stopping.is_set() and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self._serve, name="leader", daemon=True)
            self._thread.start()

    def stop(self, timeout_s: float = 1.0) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _serve(self) -> None:
        connection = None
        try:
            connection = connecting.connect(self._options.database_url, "leader")
            store = Store(connection, self._options.schema)
            if not self._take_lease(store):
                return
            telemetry.emit("leader.elected", worker=str(self._holder))
            self._was_elected = True
            self._in_office.set()
            threading.Thread(target=self._vacuum, name="vacuum", daemon=True).start()
            self._do_chores(store)
            store.resign_leadership(holder=self._holder)
        except connecting.Lost as error:
            # The lease runs out by itself; whoever sees it free runs again, perhaps we.
            connecting.report_lost("leader", error)
        finally:
            if self._was_elected:
                telemetry.emit("leader.resigned", worker=str(self._holder))
            self._was_elected = False
            self._in_office.clear()
            connecting.close(connection)

    def _do_chores(self, store: Store) -> None:
        chores = self._chores()
        while not self._stopping.is_set() and self._in_office.is_set():
            self._stopping.wait(min(run_due(chores, store), STAGE_EVERY_S))

    def _chores(self) -> list[Chore]:
        return [
            Chore("leader", self._options.lease_s / 3, self._extend),
            Chore("stager", STAGE_EVERY_S, stager.stage),
            Chore("cron", CRON_EVERY_S, self._cron.tick),
            Chore("reaper", REAP_EVERY_S, self._reaper.reap),
            Chore("sweeper", SWEEP_EVERY_S, self._reaper.sweep),
            Chore("unknown kinds", KINDS_EVERY_S, stager.suspend_unknown),
            Chore("known kinds", KINDS_EVERY_S, stager.resume_known),
            Chore("keys", FORGET_KEYS_EVERY_S, self._keys.sweep),
            Chore("history ahead", HOUSEKEEPING_EVERY_S, history.make_ahead),
            Chore("retention", HOUSEKEEPING_EVERY_S, self._drop_old),
        ]

    def _take_lease(self, store: Store) -> bool:
        return bool(
            store.take_leadership(
                holder=self._holder, node=self._options.node, lease_s=self._options.lease_s
            )
        )

    def _extend(self, store: Store) -> None:
        if not self._take_lease(store):
            self._in_office.clear()

    def _drop_old(self, store: Store) -> None:
        history.drop_old(store, self._options.history_days)

    def _vacuum(self) -> None:
        vacuum = Vacuum()
        connection = None
        try:
            connection = connecting.connect(
                self._options.database_url, "vacuum", statement_timeout_s=VACUUM_TIMEOUT_S
            )
            chore = Chore("vacuum", VACUUM_EVERY_S, vacuum.tick)
            while self._in_office.is_set() and not self._stopping.is_set():
                self._stopping.wait(run_due([chore], Store(connection, self._options.schema)))
        except connecting.Lost as error:
            connecting.report_lost("vacuum", error)
        finally:
            connecting.close(connection)
