"""The recorder's order is that in which things happened, also when a source is slow to tell."""

import threading
import time
from types import SimpleNamespace
from typing import Any, cast

from payments_app.lab.event import Event, Lane
from payments_app.lab.recorder import HOLD_BACK_S, Recorder
from tests.support.waiting import wait_until

CAPTURE = {"what": "captures", "number": 1, "amount_minor": 12_000, "currency": "usd"}


class SlowJournal:
    """Its first answer takes long, and was written before the capture; the next one has it."""

    def __init__(self, captured_s: float) -> None:
        self.asked, self.go = threading.Event(), threading.Event()
        self._answers: list[list[tuple[float, dict[str, Any]]]] = [[], [(captured_s, CAPTURE)]]

    def new(self) -> list[tuple[float, dict[str, Any]]]:
        self.asked.set()
        self.go.wait(10)
        return self._answers.pop(0) if self._answers else []


def test_what_a_slow_source_tells_late_is_still_put_where_it_belongs():
    published: list[Event] = []
    recorder = Recorder(published.extend)
    now_s = time.monotonic()
    journal = SlowJournal(captured_s=now_s + 0.001)
    nothing = SimpleNamespace(new=list)
    recorder.note(Lane.BOOKS, "note", "The answer is written down.", at_s=now_s + 0.002)

    recorder.start(cast("Any", nothing), cast("Any", journal), cast("Any", nothing))
    assert journal.asked.wait(10)
    wait_until(lambda: time.monotonic() > now_s + 2 * HOLD_BACK_S, what="it is old enough")
    journal.go.set()
    wait_until(lambda: len(published) == 2, what="both are published")
    recorder.stop()

    assert [event.kind for event in published] == ["capture", "note"]
