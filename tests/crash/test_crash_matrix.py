"""The table of the crash matrix: what is a success, and what may never look like one."""

from typing import Any

import pytest

from payments_app.lab import crash_matrix
from payments_app.lab.moments import BY_NAME, CHECKPOINTS, COLUMNS, MOMENTS
from payments_app.lab.trial import Result

MOMENT = BY_NAME["after-capture"]


def result(processor: str = "idempotent", **changed) -> Result:
    values: dict[str, Any] = {
        "moment": MOMENT.name,
        "happened": True,
        "captures": 1,
        "status": "completed",
        "postings": 1,
        "at_rest": True,
    }
    return Result(processor=processor, **(values | changed))


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, "taken once"),
        ({"captures": 2}, "taken 2 times, recorded completed"),
        ({"postings": 2}, "taken once, recorded completed, posted 2 times"),
        ({"status": "failed", "postings": 0}, "taken once, recorded failed"),
        (
            {"captures": 0, "status": "processing", "postings": 0, "at_rest": False},
            "never taken, recorded processing, stuck",
        ),
        ({"happened": False}, "inconclusive: the fault did not fire"),
    ],
)
def test_a_verdict_says_what_became_of_the_money(changed, verdict):
    assert result(**changed).verdict == verdict
    assert result(**changed).ok == (not changed)


def test_a_trial_whose_fault_did_not_fire_is_never_green():
    results = {(MOMENT.name, "idempotent"): result(happened=False)}

    assert not crash_matrix.is_as_promised(results, ["idempotent"])
    table = crash_matrix.as_markdown(
        results, [MOMENT], ["idempotent"], made_at="today", commit="abc"
    )
    assert "? inconclusive" in table
    assert "✓ taken" not in table


def test_a_rival_without_a_single_failure_breaks_the_promise():
    naive_passes = {
        (MOMENT.name, "naive"): result("naive"),
        (MOMENT.name, "idempotent"): result(),
    }
    naive_fails = naive_passes | {(MOMENT.name, "naive"): result("naive", captures=2)}

    assert not crash_matrix.is_as_promised(naive_passes, ["naive", "idempotent"])
    assert crash_matrix.is_as_promised(naive_fails, ["naive", "idempotent"])


def test_every_moment_has_its_point_in_every_processor():
    own = {moment.point for moment in MOMENTS} - {None, "claim.committed"}

    assert set(CHECKPOINTS) == set(COLUMNS)
    assert all(own <= set(points) for points in CHECKPOINTS.values())
