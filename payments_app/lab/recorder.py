"""Writes a run's event log: gathers from all sources, puts in order, numbers, publishes.

Sources tell with small delays of their own, so an event is published only when it is a moment old
and every source was asked after it: by then whatever happened before it has been told too, and the
numbers follow the clock, however slow the machine is. At the end everything that is left is
published. The log is the only source of the picture.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from payments_app.lab import gateway_sentences
from payments_app.lab.event import Event, Seen
from payments_app.lab.gateway_sentences import JournalSentences
from payments_app.lab.sentences import Sentences
from payments_app.lab.sources import Books, Journal, WitnessFiles

TICK_S = 0.04
# The journal and the tables are asked less often than the files, which cost nothing.
SLOW_TICKS = 2
# Later than any source tells: two slow ticks, and a busy machine.
HOLD_BACK_S = 0.25
# A row has the time of its statement, and is seen only when its transaction has committed.
COMMIT_S = 0.15
STOP_TIMEOUT_S = 10.0

Publish = Callable[[list[Event]], None]


@dataclass
class Recorder:
    """``start`` begins to gather in a thread; ``stop`` gathers the rest and publishes all."""

    publish: Publish
    start_s: float = field(default_factory=time.monotonic)
    sentences: Sentences = field(default_factory=Sentences)
    pids: dict[int, str] = field(default_factory=dict)  # process → node, as the lines say
    workers: dict[str, int] = field(default_factory=dict)  # node → its newest worker process
    errors: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Seen] = []
        self._seq = 0
        self._last_ms = 0
        self._asked_s = self.start_s  # When the last look at every source began.
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def note(
        self,
        lane: str,
        kind: str,
        text: str,
        *,
        at_s: float | None = None,
        detail: Mapping[str, object] | None = None,
    ) -> None:
        """Something that the lab itself did or saw: now, or when it began (``at_s``)."""
        moment_s = time.monotonic() if at_s is None else at_s
        seen = Seen(moment_s, lane, kind, text, dict(detail or {}))
        with self._lock:
            self._waiting.append(seen)

    def flush(self) -> None:
        """Publish what waits, without holding back: the first event must be drawn at once."""
        self._publish_until(time.monotonic())

    def start(self, witnesses: WitnessFiles, journal: Journal, books: Books) -> None:
        self._witnesses, self._journal, self._books = witnesses, journal, books
        self._journal_sentences = JournalSentences()
        self._thread = threading.Thread(target=self._gather, name="lab-recorder", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join(STOP_TIMEOUT_S)
            self._look(slow=True)
        self._publish_until(float("inf"))

    def synchronize(self) -> None:
        """The gateway's clock was moved: what it wrote before is read first."""
        self._look(slow=True)
        self._journal.synchronize()

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self.start_s

    @property
    def journal(self) -> dict[str, Any]:
        """The gateway's journal as it was read last."""
        return self._journal.content

    def _gather(self) -> None:
        ticks = 0
        while not self._over.wait(TICK_S):
            ticks += 1
            try:
                self._look(slow=ticks % SLOW_TICKS == 0)
                self._publish_until(min(time.monotonic() - HOLD_BACK_S, self._asked_s - COMMIT_S))
            except Exception as error:  # noqa: BLE001
                # A database that is cut on purpose cuts us too; the next look sees what was missed.
                self.errors.append(error)

    def _look(self, *, slow: bool) -> None:
        with self._lock:
            began_s = time.monotonic()
            for at_s, line in self._witnesses.new():
                self.pids[line["pid"]] = line["node"]
                if line["what"] == "worker.started":
                    self.workers[line["node"]] = line["pid"]
                seen = self.sentences.tell(at_s, line)
                if seen is not None:
                    self._waiting.append(seen)
            if not slow:
                return
            for at_s, entry in self._journal.new():
                self._waiting += self._journal_sentences.tell(at_s, entry)
            rows = (gateway_sentences.tell_row(at_s, row) for at_s, row in self._books.new())
            self._waiting += [seen for seen in rows if seen is not None]
            self._asked_s = began_s

    def _publish_until(self, at_s: float) -> None:
        with self._lock:
            ready = sorted((s for s in self._waiting if s.at_s <= at_s), key=lambda s: s.at_s)
            self._waiting = [seen for seen in self._waiting if seen.at_s > at_s]
            events = [self._numbered(seen) for seen in ready]
            if events:
                self.publish(events)

    def _numbered(self, seen: Seen) -> Event:
        self._seq += 1
        # A source that was later than the hold-back keeps its place in the order it came in.
        self._last_ms = max(self._last_ms, round((seen.at_s - self.start_s) * 1000))
        return Event(
            seq=self._seq,
            at_ms=self._last_ms,
            lane=str(seen.lane),
            kind=seen.kind,
            text=seen.text,
            detail=seen.detail,
            source=seen.source and str(seen.source),
            target=seen.target and str(seen.target),
            lost=seen.lost,
        )
