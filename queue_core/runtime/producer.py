"""The one thread of a child that talks to the database about jobs: it settles and claims, in one
turn.

A turn is one pipeline on one AUTOCOMMIT connection: finished results out, new jobs in, one commit,
one round trip. Reports, wake-ups and orders arrive in one inbox, so whatever piled up during a
turn is the next batch. Polling (poll_s) is the guarantee, NOTIFY the speed. After any lost reply
nothing is assumed: results are offered again (the fence decides), and what we own but do not know
is given back (R4).
"""

import queue
import threading
from collections.abc import Callable, Iterable
from uuid import UUID

import psycopg

from queue_core import checkpoints, clock, telemetry
from queue_core.registry import Registry
from queue_core.runtime.holdings import Holdings
from queue_core.runtime.lane import Lane
from queue_core.runtime.limits import send_claim
from queue_core.runtime.link import Link
from queue_core.runtime.options import RuntimeOptions
from queue_core.runtime.orders import Orders, read_orders
from queue_core.runtime.report import Item, Report, Wake
from queue_core.runtime.settler import Settler
from queue_core.runtime.suspects import Suspects
from queue_core.store import Store, text_array

# R4: a claim whose reply was lost is given back when its rows are this old, looked for this often.
RECONCILE_AGE_S = 5.0
RECONCILE_EVERY_S = 30.0
# A settle that met a locked row is repeated, and an empty queue looked at, after this long.
RESETTLE_S, EMPTY_CHECK_S = 0.02, 0.05
# Held jobs behind threads that report nothing for this long are given back to others.
STUCK_S = 1.0
# Told to end at once while the database is away: so many reconnects, then the supervisor gives our
# jobs back.
GIVE_UP_TRIES = 3


class Producer:
    """Runs in a thread of its own until it is told to stop and every result is settled."""

    def __init__(
        self,
        options: RuntimeOptions,
        registry: Registry,
        worker_id: UUID,
        lanes: dict[str, Lane],
        *,
        register: Callable[[Store], None],
        on_orders: Callable[[Orders], None],
        may_claim: Callable[[], bool],
        inbox: "queue.SimpleQueue[Item]",
    ) -> None:
        self.holdings = Holdings(worker_id, options.max_rescues)
        self.settler = Settler(registry, worker_id, self.holdings.forget)
        self.link = Link(options.database_url, options.schema, "producer", register)
        self.finished = threading.Event()
        self.jobs_done = 0
        self._options = options
        self._registry = registry
        self._worker_id = worker_id
        self._lanes = lanes
        self._claimant = {
            "kinds": text_array(registry.kinds),
            "worker_id": worker_id,
            "max_rescues": options.max_rescues,
        }
        self._on_orders = on_orders
        self._may_claim = may_claim
        self._inbox = inbox
        self._stopping = threading.Event()
        self._giving_up = threading.Event()
        self._orders = Orders()
        self._suspects = Suspects()
        self._next_poll_s = 0.0
        self._next_reconcile_s = clock.boottime_s() + RECONCILE_EVERY_S
        self._last_report_s = clock.boottime_s()

    def wake(self, queues: Iterable[str] = ()) -> None:
        self._inbox.put(frozenset(queues))

    def stop(self) -> None:
        """Claim nothing more, give held jobs back, settle what runs, then end."""
        self._stopping.set()
        self.wake()

    def give_up(self) -> None:
        """End now: running jobs go back too; what their threads still do is fenced."""
        self._giving_up.set()
        self.stop()

    def run(self) -> None:
        while not self._is_done():
            try:
                if self.link.ensure():
                    self._next_poll_s = 0.0
                self._work()
            except Exception as error:  # noqa: BLE001
                # Not only lost connections: a turn that fails for a reason of its own must not
                # stop this process's queues. Reconnect, offer again, reconcile.
                wait_s = self.link.lose(error)
                self._next_reconcile_s = clock.boottime_s() + RECONCILE_AGE_S + 0.5
                self._giving_up.wait(wait_s)  # Results pile up in the inbox meanwhile.
        self.link.close()
        self.finished.set()

    def _is_done(self) -> bool:
        if self._giving_up.is_set() and (
            not self.holdings.known or self.link.failures >= GIVE_UP_TRIES
        ):
            return True
        return self._stopping.is_set() and not self.holdings.known

    def _work(self) -> None:
        """One wait, and all that it leads to."""
        self._take_in(self._wait())
        if clock.boottime_s() >= self._next_poll_s:
            self._poll()
        if self._stopping.is_set() or self._orders.is_draining:
            self._give_back(self._lanes.values())
        if self._giving_up.is_set():
            self.holdings.release(
                self.link.store, self.holdings.known - self.settler.waiting.keys()
            )
        self._turn()
        now_s = clock.boottime_s()
        if self._suspects.is_time(now_s, is_idle=not self.holdings.known) and self._may_start():
            self._try_suspect(now_s)
        if clock.boottime_s() >= self._next_reconcile_s:
            self._next_reconcile_s = clock.boottime_s() + RECONCILE_EVERY_S
            self.holdings.reconcile(self.link.store, min_age_s=RECONCILE_AGE_S)
        if self._options.stop_when_empty and not self.holdings.known:
            self._stop_if_empty()

    def _wait(self) -> list[Item]:
        items: list[Item] = []
        try:
            if self._claims() and any(lane.wanted() for lane in self._lanes.values()):
                items.append(self._inbox.get_nowait())
            else:
                items.append(self._inbox.get(timeout=self._patience_s()))
            while True:
                items.append(self._inbox.get_nowait())
        except queue.Empty:
            return items

    def _patience_s(self) -> float:
        if self.settler.waiting:
            return RESETTLE_S
        if (self._options.stop_when_empty and not self.holdings.known) or self._stopping.is_set():
            return EMPTY_CHECK_S
        return max(0.0, min(self._next_poll_s, self._next_reconcile_s) - clock.boottime_s())

    def _take_in(self, items: list[Item]) -> None:
        by_queue: dict[str, list[Report]] = {}
        for item in items:
            if isinstance(item, Report):
                by_queue.setdefault(item.row["queue"], []).append(item)
            else:
                self._look(item)
        for name, reports in by_queue.items():
            self.settler.add(reports)
            self._lanes[name].reported(
                len(reports), sum(one.duration_s for one in reports) / len(reports)
            )
            self.jobs_done += len(reports)
            self._last_report_s = clock.boottime_s()

    def _look(self, queues: Wake) -> None:
        for name in queues:
            if name in self._lanes:
                self._lanes[name].is_hot = True
            elif name.startswith("!"):
                self._next_poll_s = 0.0

    def _may_start(self) -> bool:
        return not (self._stopping.is_set() or self._orders.is_draining) and self._may_claim()

    def _claims(self) -> bool:
        now_s, is_idle = clock.boottime_s(), not self.holdings.known
        return self._may_start() and not self._suspects.hold_claims(now_s, is_idle=is_idle)

    def _try_suspect(self, now_s: float) -> None:
        """Of one queue after another, so that it is one job that runs alone."""
        for lane in self._lanes.values():
            if not lane.is_paused and not self.holdings.known:
                self._turn({lane: 1}, solo=True)
        self._suspects.tried(found=bool(self.holdings.known), now_s=now_s)

    def _poll(self) -> None:
        """Orders, and a look at queues that are thought empty. The probe locks nothing."""
        self._next_poll_s = clock.boottime_s() + self._options.poll_s
        self._orders = read_orders(
            self.link.light_store, self._worker_id, self._options, self._registry.kinds
        )
        for name, settings in self._orders.queues.items():
            self._lanes[name].configure(settings, paused=name in self._orders.paused)
        self._on_orders(self._orders)
        if self._orders.is_solo_due:
            self._suspects.seen(clock.boottime_s())
        idle = [
            lane.name for lane in self._lanes.values() if not lane.is_paused and not lane.is_hot
        ]
        if idle and self._claims():
            rows = self.link.light_store.probe_jobs(queues=idle, kinds=self._registry.kinds)
            self._look(frozenset(row["queue"] for row in rows))
        is_stuck = clock.boottime_s() - self._last_report_s > STUCK_S
        self._give_back(lane for lane in self._lanes.values() if lane.is_paused or is_stuck)

    def _give_back(self, lanes: Iterable[Lane]) -> None:
        if rows := [row for lane in lanes for row in lane.take_back()]:
            self.holdings.release(self.link.store, [(row["id"], row["lease"]) for row in rows])

    def _turn(self, wanted: dict[Lane, int] | None = None, *, solo: bool = False) -> None:
        """Settles and claims: one commit."""
        if wanted is None and self._claims():
            wanted = {lane: count for lane in self._lanes.values() if (count := lane.wanted()) > 0}
        if not wanted and not self.settler.waiting:
            return
        limited = [lane.settings.is_limited for lane in wanted or ()]
        store = self.link.store_of_turn(is_plain=self.settler.is_plain and not any(limited))
        checkpoints.reach("settle.begun")
        try:
            with self.link.together(bool(self.settler.waiting) or limited != [False]):
                take_in = self.settler.send(store)
                claimant = {**self._claimant, "solo": solo}
                fetches = [
                    (lane, asked, send_claim(store, lane.settings, asked, claimant))
                    for lane, asked in (wanted or {}).items()
                ]
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            telemetry.emit("loop.failed", component="settle", error=repr(error))
            self.settler.settle_one_by_one(store)
            return
        for lane, asked, fetch in fetches:
            rows = fetch()
            self.holdings.claimed(rows)
            if rows:
                checkpoints.reach("claim.committed")
            lane.claimed(rows, asked)
        self._look(frozenset(take_in()))

    def _stop_if_empty(self) -> None:
        names = [lane.name for lane in self._lanes.values()]
        if not self.link.store.count_unfinished(queues=names, kinds=self._registry.kinds)[0]["any"]:
            self.stop()
