"""A bucket of tokens per address, for doors without a key: guessing links must not be cheap.

Kept in the process: with several web workers a guesser gets as many buckets, which changes nothing
about 244 bits. Bounded, so that a flood of addresses cannot fill the memory.
"""

import threading
import time
from collections import OrderedDict

ADDRESSES_MAX = 10_000


class Throttle:
    """``burst`` free attempts, then one every ``refill_s`` seconds."""

    def __init__(self, *, burst: int, refill_s: float) -> None:
        self.burst = burst
        self.refill_s = refill_s
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, address: str) -> float:
        """Seconds until this address may try again; 0 when it may now."""
        with self._lock:
            tokens = self._tokens(address)
            return 0.0 if tokens >= 1 else (1 - tokens) * self.refill_s

    def spend(self, address: str) -> None:
        """Count one failed attempt."""
        with self._lock:
            self._buckets[address] = (self._tokens(address) - 1, time.monotonic())
            self._buckets.move_to_end(address)
            if len(self._buckets) > ADDRESSES_MAX:
                self._buckets.popitem(last=False)

    def forget(self) -> None:
        """Start afresh, for tests and after a mistake of ours."""
        with self._lock:
            self._buckets.clear()

    def _tokens(self, address: str) -> float:
        now = time.monotonic()
        tokens, seen = self._buckets.get(address, (float(self.burst), now))
        return min(float(self.burst), tokens + (now - seen) / self.refill_s)
