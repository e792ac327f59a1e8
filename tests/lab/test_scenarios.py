"""Every scenario comes out as the lab says it does; and what did not happen is never green."""

import itertools

import pytest

from payments_app.lab import catalogue
from payments_app.lab.laboratory import Busy, Laboratory
from payments_app.lab.scenario import ONCE, Scenario
from payments_app.lab.stage import Stage

CELLS = [
    pytest.param(scenario.id, processor, id=f"{scenario.number}-{processor}")
    for scenario in catalogue.SCENARIOS
    for processor in scenario.processors
]
TIMES = 3
_users = itertools.count()


def play(lab: Laboratory, scenario: str | Scenario, *processors: str) -> list[dict]:
    """Runs side by side, to their ends."""
    return lab.wait(lab.start(scenario, processors, user=f"user {next(_users)}"))


def in_words(run: dict) -> str:
    """The whole transcript, for a run that surprises."""
    lines = [f"{event['at_ms']:6} {event['lane']:9} {event['text']}" for event in run["events"]]
    return "\n".join([f"{run['processor']}: {run['verdict']} {run['inconclusive']}", *lines])


def test_a_worker_killed_mid_charge_charges_twice_where_it_is_naive_and_once_where_it_is_ours(lab):
    ids = lab.start("kill-after-capture", ["naive", "idempotent"], user="Ada")
    with pytest.raises(Busy) as refused:
        lab.start("kill-after-capture", ["naive"], user="Ada")

    naive, ours = lab.wait(ids)

    assert refused.value.run_id in ids
    assert (naive["verdict"], naive["captures"]) == ("charged 2 times", 2), in_words(naive)
    assert (ours["verdict"], ours["captures"]) == ("charged once", 1), in_words(ours)
    assert naive["as_expected"]
    assert ours["as_expected"]
    assert {row["id"] for row in naive["scoreboard"] if not row["ok"]} == {"captures", "ledger"}
    assert ours["ok"]
    assert_whole(lab, naive)
    assert_whole(lab, ours)


def assert_whole(lab: Laboratory, run: dict) -> None:
    """No event is missing, doubled or out of order, wherever a viewer begins to follow."""
    events = run["events"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert [event["at_ms"] for event in events] == sorted(event["at_ms"] for event in events)
    assert events[-1]["kind"] == "verdict"
    assert {"request", "call", "capture", "kill", "ledger"} <= {event["kind"] for event in events}
    assert lab.records.events(run["id"], after=3) == events[3:]


@pytest.mark.timeout(120)
def test_a_build_with_a_bug_in_it_turns_its_column_red(lab):
    """The scoreboard can fail: each of these is ours, less one guard."""
    control, drawn, unguarded = (
        f"tests.lab.mutants:{name}"
        for name in ("one_step", "random_intent_key", "unguarded_commit")
    )
    ids = lab.start("stolen-lease", [control, drawn, unguarded], user="mutants of 5")
    ids += lab.start("late-after-decline", ["tests.lab.mutants:no_fence"], user="mutant of 15")

    runs = lab.wait(ids)

    red = [{row["id"] for row in run["scoreboard"] if not row["ok"]} for run in runs]
    assert red[0] == set(), in_words(runs[0])
    assert "captures" in red[1], in_words(runs[1])
    assert red[2] == {"ledger"}, in_words(runs[2])
    assert {"ledger", "status"} <= red[3], in_words(runs[3])
    assert [run["ok"] for run in runs] == [True, False, False, False]


def test_a_fault_that_did_not_fire_is_inconclusive_and_never_green(lab):
    def waits_in_vain(stage: Stage) -> None:
        payment_id = stage.shop.pay()
        stage.ended(payment_id)
        stage.until(lambda: False, "the moon did not fall", timeout_s=0.1)

    story = Scenario("x", 99, "x", "x?", waits_in_vain, {"idempotent": ONCE}, {})

    [run] = play(lab, story, "idempotent")

    assert run["verdict"] == "inconclusive"
    assert run["inconclusive"] == "The fault did not fire: the moon did not fall."
    assert not run["ok"]
    assert not run["as_expected"]


@pytest.mark.full
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("scenario", "processor"), CELLS)
def test_every_scenario_reaches_its_verdict_three_times_in_a_row(lab, scenario, processor):
    for _ in range(TIMES):
        [run] = play(lab, scenario, processor)

        assert run["as_expected"], in_words(run)
        expected = catalogue.BY_ID[scenario].expected[processor].captures
        assert expected in (None, run["captures"])
