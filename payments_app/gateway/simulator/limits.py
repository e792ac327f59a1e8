"""A token bucket over all requests, for 429 answers. Off until ``/_sim/limits`` sets it."""

import threading
import time

from payments_app.gateway.simulator.errors import rate_limited


class TokenBucket:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.set(None, 0)

    def set(self, rate_per_s: float | None, burst: int) -> None:
        with self._lock:
            self.rate_per_s, self.burst = rate_per_s, burst
            self._tokens, self._filled_at_s = float(burst), time.monotonic()

    def take(self) -> None:
        """Take one token, or refuse the request with 429."""
        if self.rate_per_s is None:
            return
        with self._lock:
            now_s = time.monotonic()
            grown = self._tokens + (now_s - self._filled_at_s) * self.rate_per_s
            self._tokens, self._filled_at_s = min(float(self.burst), grown), now_s
            if self._tokens < 1:
                raise rate_limited()
            self._tokens -= 1
