"""Runs of the lab that nobody played: records in the folder, as the engine writes them."""

from collections.abc import Sequence
from typing import Any

from payments_app.lab.event import LANES, Event
from payments_app.lab.laboratory import Laboratory
from payments_app.lab.records import Records

SCORES = {
    "naive": [
        {
            "id": "captures",
            "label": "captures per purchase",
            "must_be": "at most 1",
            "value": "2",
            "ok": False,
            "sql": "SELECT count(*) AS captures",
        }
    ],
    "idempotent": [
        {
            "id": "captures",
            "label": "captures per purchase",
            "must_be": "at most 1",
            "value": "1",
            "ok": True,
            "sql": "SELECT count(*) AS captures",
        }
    ],
}
EVENTS = (
    Event(1, 0, "customer", "request", "Ada pays $120.00."),
    Event(2, 20, "worker-a", "job", "Worker A takes the payment's job: lease 1."),
    Event(
        3,
        40,
        "worker-a",
        "call",
        "Worker A asks the gateway to charge $120.00, without any key.",
        {"op": "create_charge", "note": "<b>raw</b>"},
        "worker-a",
        "gateway",
    ),
    Event(4, 60, "gateway", "capture", "The gateway takes $120.00 from the card.", {"count": 1}),
    Event(5, 70, "worker-a", "kill", "Worker A is killed: SIGKILL, process 4121."),
    Event(
        6,
        80,
        "worker-a",
        "reply",
        "No answer reaches Worker A (dropped): it cannot know what happened.",
        {},
        "gateway",
        "worker-a",
        lost=True,
    ),
)
TOLD: dict[str, dict[str, Any]] = {
    "naive": {"verdict": "charged 2 times", "captures": 2, "captured_minor": 24_000, "ok": False},
    "idempotent": {"verdict": "charged once", "captures": 1, "captured_minor": 12_000, "ok": True},
}


def running(records: Records, processor: str = "naive", **told: Any) -> str:
    """A run that is under way, with two events; the test holds nothing, so it never ends."""
    run_id = records.create(
        {
            "scenario": "kill-after-capture",
            "title": "Kill a worker mid-charge",
            "processor": processor,
            "seed": 4711,
            "user": "somebody",
            "commit": "abc1234",
            "started_at": "2026-11-24T00:01:54.053431+00:00",
            "status": "running",
            "lanes": [{"id": str(lane), "name": name} for lane, name in LANES],
            "expected": TOLD[processor]["verdict"],
            "verdict": None,
            "as_expected": None,
            "ok": None,
            "inconclusive": None,
            "captures": None,
            "captured_minor": None,
            "scoreboard": [],
            "beside": [],
            **told,
        }
    )
    records.append(run_id, EVENTS[:2])
    return run_id


def go_on(records: Records, run_id: str) -> None:
    """The rest of its events."""
    records.append(run_id, EVENTS[2:])


def end(records: Records, run_id: str, **told: Any) -> None:
    processor = records.run(run_id)["processor"]
    verdict = {"as_expected": True, "scoreboard": SCORES[processor], **TOLD[processor]}
    records.update(run_id, **{"status": "ended", **verdict, **told})


def ended(records: Records, processor: str = "naive", **told: Any) -> str:
    run_id = running(records, processor)
    go_on(records, run_id)
    end(records, run_id, **told)
    return run_id


def side_by_side(records: Records) -> Sequence[str]:
    """The naive one and ours, both ended."""
    naive, ours = ended(records, "naive"), ended(records, "idempotent")
    records.update(naive, beside=[ours])
    records.update(ours, beside=[naive])
    return naive, ours


class ColdLaboratory(Laboratory):
    """One that starts nothing in the background."""

    def warm(self) -> None:
        pass


def own(records: Records) -> list[dict[str, Any]]:
    """The runs that are not shipped with the project."""
    return [run for run in records.runs() if not run.get("recorded")]
