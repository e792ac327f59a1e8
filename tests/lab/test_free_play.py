"""Free play: a person holds a worker, presses buttons, and what comes of it is judged."""

from payments_app.process_table import is_running
from tests.support.waiting import wait_until

HELD_AT_THE_CHARGE = {"holds": {"payment.answered": 2}}


def kinds(lab, run_id: str) -> list[str]:
    return [event["kind"] for event in lab.records.events(run_id)]


def one(lab, run_id: str, kind: str) -> dict:
    return next(event for event in lab.records.events(run_id) if event["kind"] == kind)


def test_a_press_on_kill_really_ends_the_process_and_the_other_worker_finishes(lab):
    [run_id] = lab.start("free-play", ["idempotent"], user="Bea", options=HELD_AT_THE_CHARGE)
    wait_until(lambda: "hold" in kinds(lab, run_id), timeout_s=40)

    lab.control(run_id, "kill", worker="worker-a")
    wait_until(lambda: "kill" in kinds(lab, run_id), timeout_s=20)
    killed = one(lab, run_id, "kill")
    lab.control(run_id, "duplicate")
    lab.control(run_id, "replay")
    lab.control(run_id, "finish")
    [run] = lab.wait([run_id])

    assert killed["lane"] == "worker-a"
    assert not is_running(killed["detail"]["pid"])
    assert run["verdict"] == "charged once", run["inconclusive"]
    assert run["ok"]
    assert "webhook" in [event["kind"] for event in run["events"]]
