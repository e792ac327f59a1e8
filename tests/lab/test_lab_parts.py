"""The parts of the lab that need no processes: its texts, its records, its buttons, its dice."""

import fcntl
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from payments_app.lab import catalogue, code, dice, matrix, scoreboard
from payments_app.lab.console import VERBS, Console, UnknownCommand
from payments_app.lab.event import Event
from payments_app.lab.moments import COLUMNS
from payments_app.lab.records import Records, UnknownRun
from payments_app.lab.scoreboard import Outcome

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("name", sorted(code.CUTS))
def test_every_cut_is_six_lines_of_code_that_runs(name):
    cut = code.excerpt(name)

    assert 4 <= len(cut.text.splitlines()) <= code.LINES
    assert cut.text.splitlines()[0].startswith(code.CUTS[name].first)
    assert cut.text.splitlines()[0] in (code.ROOT / cut.file).read_text().replace("    ", "")


def test_a_cut_whose_line_is_gone_is_noticed():
    with pytest.raises(LookupError, match="no line of"):
        code.cut_out(code.Cut("payments_app.lab.dice", "no such line"))


def test_there_are_fifteen_scenarios_each_with_a_question_a_reason_and_code_for_each_column():
    assert [each.number for each in catalogue.SCENARIOS] == list(range(1, 16))
    for scenario in catalogue.SCENARIOS:
        shown = json.loads(json.dumps(scenario.as_json()))
        assert "naive" in shown["processors"]
        assert "idempotent" in shown["processors"]
        assert set(shown["processors"]) <= set(COLUMNS)
        assert set(shown["processors"]) == set(shown["why"]) == set(shown["code"])
        assert len(shown["predictions"]) == 3
        assert shown["question"].endswith("?")


def test_scenario_13_says_what_ours_rests_on():
    scenario = catalogue.find("13")

    assert scenario.expected["key-only"].captures == 2
    assert scenario.expected["idempotent"].captures == 1
    assert "not safe for ever" in scenario.limits


def outcome(**changed) -> Outcome:
    values: dict[str, Any] = {
        "captures": 1,
        "charged": 1,
        "captured_minor": 12_000,
        "refunds": 0,
        "refunds_wanted": 0,
        "statuses": ("completed",),
        "postings": 1,
        "unfinished": 0,
    }
    return Outcome(**(values | changed))


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, "charged once"),
        ({"captures": 2, "charged": 2}, "charged 2 times"),
        ({"statuses": ("failed",)}, "charged once, recorded failed"),
        (
            {"captures": 0, "charged": 0, "statuses": ("processing",), "unfinished": 1},
            "not charged, recorded processing, stuck",
        ),
        ({"postings": 6}, "charged once, posted 6 times"),
        ({"refunds": 2, "refunds_wanted": 1}, "charged once, refunded 2 times"),
        ({"marks": ({"ok": True},) * 3}, "every payment charged once"),
        ({"marks": ({"ok": True}, {"ok": False}, {"ok": True})}, "some payments wrong"),
    ],
)
def test_a_verdict_says_what_became_of_the_money(changed, verdict):
    assert scoreboard.verdict(outcome(**changed)) == verdict


class TestRecords:
    @pytest.fixture
    def records(self, tmp_path):
        return Records(tmp_path / "runs")

    @pytest.fixture
    def run_id(self, records):
        return records.create({"status": "running", "started_at": NOW.isoformat()})

    def test_a_viewer_gets_what_came_after_the_last_event_that_it_has(self, records, run_id):
        records.append(run_id, [event(1), event(2)])
        records.append(run_id, [event(3)])

        assert [each["seq"] for each in records.events(run_id, after=1)] == [2, 3]
        assert records.events(run_id, after=3) == []

    def test_a_line_that_is_still_being_written_is_not_shown_in_half(self, records, run_id):
        records.append(run_id, [event(1)])
        with (records.folder(run_id) / "events.jsonl").open("a") as file:
            file.write('{"seq": 2, "at_')

        assert [each["seq"] for each in records.events(run_id)] == [1]

    def test_a_run_whose_process_died_is_interrupted_not_running(self, records, run_id):
        with records.under_way(run_id):
            assert records.run(run_id)["status"] == "running"

        assert records.run(run_id)["status"] == "interrupted"

    def test_runs_are_removed_after_a_day_and_not_while_they_run(self, records, run_id):
        running = records.create({"status": "running", "started_at": NOW.isoformat()})
        with (records.folder(running) / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            records.update(run_id, status="ended")

            assert records.clean(NOW + timedelta(hours=23)) == []
            assert records.clean(NOW + timedelta(hours=25)) == [run_id]

        with pytest.raises(UnknownRun):
            records.run(run_id)

    @pytest.mark.parametrize("name", ["../secrets", "run_0", "run_0123456789abcdeg", ""])
    def test_a_name_that_is_no_run_is_unknown(self, records, name):
        with pytest.raises(UnknownRun):
            records.run(name)


class TestConsole:
    def test_a_press_is_obeyed_once_whoever_pressed_it(self, tmp_path):
        pressed, obeying = Console(tmp_path), Console(tmp_path)

        pressed.press("kill", worker="worker-a")
        pressed.press("next", answer="drop")

        assert obeying.new() == [
            {"verb": "kill", "worker": "worker-a"},
            {"verb": "next", "answer": "drop"},
        ]
        assert obeying.new() == []

    @pytest.mark.parametrize(
        ("verb", "given"),
        [
            ("kill", {}),
            ("kill", {"worker": "1"}),
            ("next", {"answer": "yes"}),
            ("finish", {"worker": "worker-a"}),
            ("reboot", {}),
        ],
    )
    def test_a_button_that_does_not_exist_is_refused(self, tmp_path, verb, given):
        with pytest.raises(UnknownCommand):
            Console(tmp_path).press(verb, **given)

        assert Console(tmp_path).new() == []
        assert set(VERBS) >= {"kill", "freeze", "wake", "duplicate", "replay", "next"}


def test_chance_is_the_same_for_the_same_seed_and_another_for_another():
    draws = [dice.draw(4711, "order", n) for n in range(100)]

    assert draws == [dice.draw(4711, "order", n) for n in range(100)]
    assert draws != [dice.draw(4712, "order", n) for n in range(100)]
    assert 0.3 < sum(draws) / 100 < 0.7
    assert {dice.pick(1, 3, n) for n in range(100)} == {0, 1, 2}


def event(seq: int) -> Event:
    return Event(seq=seq, at_ms=seq, lane="gateway", kind="capture", text="The gateway takes.")


def table(**ours: object) -> dict[str, Any]:
    good = {"verdict": "charged once", "captures": 1, "ok": True, "id": None}
    bad = {"verdict": "charged 2 times", "captures": 2, "ok": False, "id": None}
    cells = {"naive": bad, "classroom": bad, "key-only": bad, "idempotent": {**good, **ours}}
    return {"rows": [{"moment": "x", "says": "x", "cells": cells}]}


@pytest.mark.parametrize(
    "ours", [{"ok": False}, {"verdict": "inconclusive", "ok": False}, {"verdict": "inconclusive"}]
)
def test_a_table_in_which_ours_fails_or_a_fault_did_not_fire_is_not_as_promised(ours):
    assert matrix.is_as_promised(table())
    assert not matrix.is_as_promised(table(**ours))


def test_a_rival_that_never_fails_says_that_the_table_is_too_weak():
    weak = table()
    weak["rows"][0]["cells"]["naive"] = weak["rows"][0]["cells"]["idempotent"]

    assert not matrix.is_as_promised(weak)
