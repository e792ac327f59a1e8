"""Verdicts: one per way a run can end. Pure."""

import math

import pytest

from queue_core.backoff import default_backoff_s
from queue_core.lifecycle import DELAY_MAX_S, JobState, clean, describe, settle
from queue_core.outcomes import Cancel, Discard, Error, Interrupted, Ok, RetryAfter, Snooze


@pytest.mark.parametrize(
    ("outcome", "state", "refund"),
    [
        (None, "completed", False),
        ({"any": "json"}, "completed", False),
        (Ok(1), "completed", False),
        (Error("no"), "retryable", False),
        (Cancel("x"), "cancelled", False),
        (Discard("x"), "discarded", False),
        (Snooze(60), "scheduled", True),
        (RetryAfter(30), "retryable", False),
        (Interrupted(), "available", True),
    ],
)
def test_each_outcome_has_its_verdict(outcome: object, state: str, *, refund: bool) -> None:
    verdict = settle(1, 20, outcome)

    assert (verdict.state, verdict.refund) == (state, refund)


@pytest.mark.parametrize("outcome", [Error("no"), RetryAfter(1)])
def test_the_last_attempt_discards(outcome: object) -> None:
    assert settle(3, 3, outcome).state is JobState.DISCARDED


def test_snoozing_more_often_than_allowed_discards() -> None:
    assert settle(1, 20, Snooze(60, max_snoozes=2), snoozed=2).state is JobState.DISCARDED


def test_a_workers_own_backoff_wins() -> None:
    assert settle(1, 20, Error("no"), backoff_s=7).delay_s == 7


@pytest.mark.parametrize("seconds", [math.inf, math.nan, -5.0, 1e300])
def test_no_delay_is_more_than_an_interval_can_hold(seconds: float) -> None:
    assert 0 <= settle(1, 20, Snooze(seconds)).delay_s <= DELAY_MAX_S


def test_only_what_the_job_did_not_decide_yields_to_a_cancel() -> None:
    yielding = [
        settle(1, 1, one).yields_to_cancel for one in (Error("x"), Snooze(1), Interrupted())
    ]
    deciding = [settle(1, 1, one).yields_to_cancel for one in (None, Cancel(), Discard())]

    assert (yielding, deciding) == ([True] * 3, [False] * 3)


def test_backoff_grows_and_is_scaled_for_many_attempts() -> None:
    waits = [default_backoff_s(attempt, 20, 0.0) for attempt in range(1, 21)]

    assert waits == sorted(waits)
    assert waits[0] == 17
    assert default_backoff_s(100, 100, 0.0) == waits[-1]


def test_ten_percent_is_the_most_that_jitter_adds() -> None:
    assert default_backoff_s(1, 20, 1.0) == pytest.approx(17 * 1.1)


def test_errors_are_bounded_and_storable() -> None:
    error = describe("E", "a\x00b" + "\ud800", "x" * 10_000_000)

    assert "\x00" not in error["message"]
    assert len(error["trace"]) < 20_000
    assert clean("\ud800").encode()
