"""How long to wait before the gateway is asked again. All delays are finite and in seconds."""

from datetime import datetime, timedelta

# After silence: 1, 2, 4 … up to a minute while the customer is watching, then up to an hour.
SILENCE_FIRST_S = 1.0
SILENCE_WATCHED_MAX_S = 60.0
SILENCE_WATCHED_WAITS = 12
SILENCE_MAX_S = 3600.0
# A bank that says "processing" is asked at a calm pace.
PROCESSING_FIRST_S = 2.0
PROCESSING_MAX_S = 300.0
# A soft decline is asked again after a minute, ten minutes and an hour: salaries arrive.
SOFT_DECLINE_RETRIES_S = (60.0, 600.0, 3600.0)

# A job of money that raises has met our own trouble, such as a database that was away: its waits
# for the bank are the payment's, in next_action_at. And its attempts count killed workers too, so
# the queue's own growing wait would punish a payment for the machines it had.
RETRY_MAX_S = 30.0


def after(now: datetime, seconds: float) -> datetime:
    return now + timedelta(seconds=seconds)


def silence_delay_s(waits: int) -> float:
    """After the ``waits``-th time (from 1) without an answer."""
    growing = SILENCE_FIRST_S * 2.0 ** min(waits - 1, 30)
    bound = SILENCE_WATCHED_MAX_S if waits <= SILENCE_WATCHED_WAITS else SILENCE_MAX_S
    return min(growing, bound)


def processing_delay_s(waits: int) -> float:
    """After the ``waits``-th time (from 1) that the gateway said it is still working."""
    return min(PROCESSING_FIRST_S * 1.5 ** min(waits - 1, 30), PROCESSING_MAX_S)


def soft_decline_delay_s(declines: int) -> float:
    """After the ``declines``-th soft decline (from 1)."""
    return SOFT_DECLINE_RETRIES_S[min(declines, len(SOFT_DECLINE_RETRIES_S)) - 1]


def retry_delay_s(attempt: int) -> float:
    """After the ``attempt``-th run (from 1) of a job of money that ended in an error."""
    return min(2.0 ** min(attempt - 1, 30), RETRY_MAX_S)
