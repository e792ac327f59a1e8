"""When a process runs a suspect: a job whose workers died too often, before it is discarded (R8).

It runs alone, so that no neighbour dies with it: claims are held back until the process is idle,
and again while it runs. Waiting is bounded: a process with a long job would otherwise claim nothing
for as long as that takes, and one bad job would stop its queue. Then it works on for a while before
it tries again. Pure.
"""

# How long claims are held back for the process to become idle, and how long not, if it did not.
HOLD_S = 5.0
REST_S = 60.0


class Suspects:
    """Asked by the producer, with its own clock and whether it holds any job."""

    def __init__(self) -> None:
        self._hold_until_s = float("-inf")
        self._rest_until_s = float("-inf")
        self._is_running = False

    def seen(self, now_s: float) -> None:
        """One waits in a queue of ours."""
        if not self._is_running and now_s >= self._rest_until_s:
            self._hold_until_s = now_s + HOLD_S
            self._rest_until_s = now_s + HOLD_S + REST_S

    def hold_claims(self, now_s: float, *, is_idle: bool) -> bool:
        if self._is_running and is_idle:
            self._is_running = False
        return self._is_running or now_s < self._hold_until_s

    def is_time(self, now_s: float, *, is_idle: bool) -> bool:
        return is_idle and not self._is_running and now_s < self._hold_until_s

    def tried(self, *, found: bool, now_s: float) -> None:
        """After a claim of one: it runs, or somebody else has it."""
        self._is_running = found
        self._hold_until_s = float("-inf")
        self._rest_until_s = now_s
