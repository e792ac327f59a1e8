"""How long to wait before the next attempt.

15 + 2**attempt seconds and up to 10 % more, so that a herd that failed together does not return
together. With more than 20 attempts the exponent is scaled to 20: attempt 100 of 100 waits twelve
days, not longer than the sun.
"""

BASE_S = 15
MAX_EXPONENT = 20


def default_backoff_s(attempt: int, max_attempts: int, jitter: float) -> float:
    """`jitter` is between 0 and 1."""
    exponent = float(attempt)
    if max_attempts > MAX_EXPONENT:
        exponent = attempt / max_attempts * MAX_EXPONENT
    wait_s: float = BASE_S + 2.0 ** min(exponent, MAX_EXPONENT)
    return wait_s * (1 + 0.1 * jitter)


def reconnect_backoff_s(failures: int, jitter: float) -> float:
    """After a lost database: quickly at first, at most 5 s, so that a restart is noticed within
    seconds.
    """
    return float(min(0.1 * 2.0 ** min(failures, 10), 5.0)) * (0.5 + 0.5 * jitter)
