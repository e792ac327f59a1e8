"""The gateway's own clock: the machine's, plus what ``/_sim/clock`` has added.

Idempotency keys expire and slow payments settle by this clock, and every answer's Date header shows
it. Webhook signatures do not use it: their receiver checks them against its own, real clock.
"""

import time
from datetime import UTC, datetime
from email.utils import formatdate


def wall_s() -> float:
    return time.time()


def iso(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds")


def http_date(at_s: float) -> str:
    return formatdate(at_s, usegmt=True)
