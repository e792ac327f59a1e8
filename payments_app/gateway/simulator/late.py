"""Requests that arrive late: their client has given up, and they are executed all the same.

This is what breaks "time-out, look, nothing there, try again": the first request was still under
way. A held request is let go when (``until``)

- ``newer``     a later request for the same thing was executed, or ``delay_s`` have passed;
- ``delay``     ``delay_s`` have passed, whatever else happens;
- ``released``  ``POST /_sim/release`` is called.

Held requests are in memory: a request under way ends with the machine that carries it.
"""

import threading
from collections.abc import Callable

from payments_app.gateway.simulator.faults import Rule
from payments_app.gateway.simulator.values import Call


class LateRequests:
    """Holds calls, each in a thread of its own, and delivers them when their time has come."""

    def __init__(self, deliver: Callable[[Call], object]) -> None:
        self._deliver = deliver
        self._lock = threading.Lock()
        self._held: list[tuple[Call, Rule, threading.Event]] = []

    def hold(self, call: Call, rule: Rule) -> None:
        gate = threading.Event()
        with self._lock:
            self._held.append((call, rule, gate))
        wait_s = None if rule.until == "released" else rule.delay_s
        threading.Thread(target=self._carry, args=(call, gate, wait_s), daemon=True).start()

    def newer_executed(self, newer: Call) -> None:
        if not self._held:
            return
        with self._lock:
            for call, rule, gate in self._held:
                same = call.op == newer.op and _thing(call) == _thing(newer)
                if rule.until == "newer" and same and call is not newer:
                    gate.set()

    def release(self) -> None:
        with self._lock:
            for _, _, gate in self._held:
                gate.set()

    def forget(self) -> None:
        """Drop all of them undelivered: after a reset, nothing from before may arrive."""
        with self._lock:
            held, self._held = self._held, []
        for _, _, gate in held:
            gate.set()

    def waiting(self) -> int:
        with self._lock:
            return len(self._held)

    def _carry(self, call: Call, gate: threading.Event, wait_s: float | None) -> None:
        gate.wait(wait_s)
        with self._lock:
            mine = [entry for entry in self._held if entry[2] is gate]
            self._held = [entry for entry in self._held if entry[2] is not gate]
        if mine:
            self._deliver(call)


def _thing(call: Call) -> str | None:
    return call.target or call.payment
