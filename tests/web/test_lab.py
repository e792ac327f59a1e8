"""The lab's pages, over records that were written before: nothing is played here.

That a run is really played, and watched while it is, is tests/e2e/test_lab.py.
"""

import html
import json
import re
import shlex
from pathlib import Path
from typing import Any, ClassVar

import pytest
from flask import Flask

from payments_app import create_app
from payments_app.cli import demo
from payments_app.config import load_config
from payments_app.domain.access import Role
from payments_app.lab.console import VERBS
from payments_app.lab.laboratory import Busy, Laboratory
from payments_app.lab.records import Records
from payments_app.web.lab import snippets
from payments_app.web.lab.labels import short
from tests.web import lab_records
from tests.web.browser import Browser, words
from tests.web.conftest import BrowserOf

SCENARIO = "/lab/kill-after-capture"


class ColdLaboratory(Laboratory):
    """One that starts nothing in the background."""

    def warm(self) -> None:
        pass


class BusyLaboratory(ColdLaboratory):
    """One whose user has a run under way already."""

    under_way = ""

    def start(self, *_args, **_options):
        raise Busy(self.under_way)


@pytest.fixture
def app(app_database_url: str, run_dir: Path, tmp_path: Path, app: Flask) -> Flask:
    """The application of the other tests, with a folder for runs of its own."""
    app.extensions["lab"] = ColdLaboratory(tmp_path, lambda: app_database_url)
    return app


@pytest.fixture
def records(app: Flask) -> Records:
    found: Records = app.extensions["lab"].records
    return found


def own(records: Records) -> list[dict[str, Any]]:
    """The runs that are not shipped with the project."""
    return [run for run in records.runs() if not run.get("recorded")]


class TestFirstPage:
    def test_an_empty_lab_says_where_to_start(self, owner: Browser):
        page = words(owner.get("/lab"))

        assert "Attempts happen at least once. Effects happen once." in page
        assert "No runs yet. Start with scenario 7" in page
        assert "Kill a worker mid-charge" in page

    def test_each_card_shows_the_last_result_of_both(self, owner: Browser, records: Records):
        lab_records.side_by_side(records)

        page = words(owner.get("/lab"))

        assert "Naive Charged 2 times Idempotent Charged 1 time" in page
        assert "No runs yet" not in page

    def test_a_viewer_is_offered_no_run(self, browser_of: BrowserOf):
        viewer = browser_of(Role.VIEWER)

        assert "Start with" not in words(viewer.get("/lab"))
        assert "Run it" not in words(viewer.get(SCENARIO))


class TestScenario:
    def test_it_asks_for_a_prediction_before_it_runs(self, browser_of: BrowserOf):
        page = browser_of(Role.VIEWER).get(SCENARIO)

        assert "How much will the customer pay?" in words(page)

    def test_a_viewers_run_is_refused(self, browser_of: BrowserOf, records: Records):
        answer = browser_of(Role.VIEWER).submit(SCENARIO, {"processor": "naive", "seed": "1"})

        assert answer.status_code == 403
        assert own(records) == []

    def test_bad_wishes_start_nothing_and_are_named(self, owner: Browser, records: Records):
        answer = owner.submit(SCENARIO, {"seed": "12x", "processor": "unheard-of"})

        assert answer.status_code == 422
        assert "Choose at least one processor." in words(answer)
        assert "A seed is a whole number" in words(answer)
        assert own(records) == []

    def test_a_second_run_of_the_same_person_is_led_to_the_first(
        self, app: Flask, owner: Browser, records: Records, tmp_path: Path
    ):
        busy = BusyLaboratory(tmp_path, lambda: "")
        busy.under_way = lab_records.running(records)
        busy.why_recorded_only = lambda: None  # type: ignore[method-assign]
        app.extensions["lab"] = busy

        answer = owner.submit(SCENARIO, {"processor": "naive", "seed": "4711"})

        assert answer.status_code == 409
        assert "Another run of yours is under way" in words(answer)
        assert f"/lab/runs/{busy.under_way}" in answer.text

    def test_an_unknown_one_is_not_found(self, owner: Browser):
        assert owner.get("/lab/no-such-scenario").status_code == 404


class TestRun:
    def test_it_shows_both_verdicts_the_reasons_and_the_scoreboard(
        self, owner: Browser, records: Records
    ):
        naive, ours = lab_records.side_by_side(records)

        page = words(owner.get(f"/lab/runs/{ours}"))

        assert "$240.00 Charged 2 times" in page
        assert "$120.00 Charged 1 time" in page
        assert page.index("$240.00") < page.index("$120.00")  # whichever address it was
        assert "Captures per purchase SQL of captures per purchase SELECT count(*)" in page
        assert "Fail: 2" in page
        assert "Pass: 1" in page
        assert "payments_app/domain/steps.py" in page
        assert page == words(owner.get(f"/lab/runs/{naive}")).replace(naive, ours)

    def test_a_prediction_is_compared(self, owner: Browser, records: Records):
        naive, _ = lab_records.side_by_side(records)

        asked = f"/lab/runs/{naive}?predict-naive=2&predict-idempotent=0"
        page = words(owner.get(asked))

        assert "You predicted “$240: charged twice”: right" in page
        assert "You predicted “$0: the charge is lost”: not what happened" in page

    def test_every_event_is_one_item_that_can_be_read_in_order(
        self, owner: Browser, records: Records
    ):
        run_id = lab_records.ended(records)

        page = owner.get(f"/lab/runs/{run_id}")

        rows = re.findall(rf'<li id="{run_id}-(\d+)" class="([^"]+)"', page.text)
        assert [int(seq) for seq, _ in rows] == [1, 2, 3, 4, 5, 6]
        assert rows[2][1] == "msg f2 t4 r plain"
        assert rows[5][1] == "msg f4 t2 l bad lost"
        assert "Worker A to Gateway: charge $120.00, no key" in words(page)
        assert "✕ SIGKILL, process 4121" in words(page)
        assert "<b>raw</b>" not in page.text

    def test_what_did_not_fire_is_never_green(self, owner: Browser, records: Records):
        sentence = "The fault did not fire: no worker reached “charged”."
        run_id = lab_records.ended(
            records, "idempotent", inconclusive=sentence, ok=False, verdict="inconclusive"
        )

        page = owner.get(f"/lab/runs/{run_id}")

        assert "Inconclusive" in words(page)
        assert f"{sentence} It proves nothing." in words(page)
        assert 'class="card verdict warn"' in page.text
        assert 'class="card verdict ok"' not in page.text
        assert "Inconclusive" in words(owner.get("/lab"))

    def test_a_run_that_was_cut_off_has_no_verdict(self, owner: Browser, records: Records):
        run_id = lab_records.running(records)
        with records.under_way(run_id):
            pass  # Its player is gone: the lock is there, and free.

        page = words(owner.get(f"/lab/runs/{run_id}"))

        assert "Cut off: no verdict" in page

    def test_an_unknown_one_is_not_found(self, owner: Browser):
        for path in ("", "/rows", "/export.json"):
            assert owner.get(f"/lab/runs/run_0123456789abcdef{path}").status_code == 404
            assert owner.get(f"/lab/runs/..%2fetc{path}").status_code == 404

    def test_the_export_is_the_whole_record(self, owner: Browser, records: Records):
        run_id = lab_records.ended(records)

        answer = owner.get(f"/lab/runs/{run_id}/export.json")

        assert answer.mimetype == "application/json"
        assert json.loads(answer.text) == records.run(run_id)


class TestLive:
    def test_a_run_under_way_is_drawn_without_any_script(self, owner: Browser, records: Records):
        run_id = lab_records.running(records)
        with records.under_way(run_id):
            page = owner.get(f"/lab/runs/{run_id}")

        assert "Ada pays $120.00" in words(page)
        assert '<noscript><meta http-equiv="refresh"' in page.text
        assert "Running" in words(page)

    def test_a_stream_that_is_cut_loses_and_doubles_nothing(self, owner: Browser, records: Records):
        run_id = lab_records.running(records)
        rows = f"/lab/runs/{run_id}/rows"
        with records.under_way(run_id):
            first = owner.get(f"{rows}?after=0").json
            lab_records.go_on(records, run_id)
            owner.get(f"{rows}?after=2")  # its answer is lost on the way
            again = owner.get(f"{rows}?after=2").json
        lab_records.end(records, run_id)
        last = owner.get(f"{rows}?after=6").json

        assert [row["seq"] for row in first["rows"]] == [1, 2]
        assert first["running"] is True
        assert [row["seq"] for row in again["rows"]] == [3, 4, 5, 6]
        assert last == {"rows": [], "running": False}

    def test_a_streamed_row_is_the_row_of_the_page(self, owner: Browser, records: Records):
        run_id = lab_records.ended(records)

        page = owner.get(f"/lab/runs/{run_id}").text
        streamed = owner.get(f"/lab/runs/{run_id}/rows").json["rows"]

        assert all(row["html"] in page for row in streamed)

    def test_two_viewers_see_the_same_rows(self, browser_of: BrowserOf, records: Records):
        run_id = lab_records.ended(records)

        seen = [
            browser_of(role).get(f"/lab/runs/{run_id}/rows").json
            for role in (Role.OWNER, Role.VIEWER)
        ]

        assert seen[0] == seen[1]

    def test_buttons_are_for_those_who_may_run_and_while_it_runs(
        self, owner: Browser, browser_of: BrowserOf, records: Records
    ):
        run_id = lab_records.running(records)
        path = f"/lab/runs/{run_id}/control"
        press = {"verb": "kill", "worker": "worker-a"}
        pressed = records.folder(run_id) / "commands.jsonl"
        viewer = browser_of(Role.VIEWER)

        with records.under_way(run_id):
            assert 'value="kill"' not in viewer.get(f"/lab/runs/{run_id}").text
            assert viewer.submit(path, press).status_code == 403
            assert not pressed.exists()
            assert 'value="kill"' in owner.get(f"/lab/runs/{run_id}").text
            assert owner.submit(path, press).status_code == 303
            assert owner.submit(path, {"verb": "explode"}).status_code == 422
        assert [json.loads(line) for line in pressed.read_text().splitlines()] == [press]
        lab_records.end(records, run_id)
        assert owner.submit(path, press).status_code == 303
        assert len(pressed.read_text().splitlines()) == 1


class TestRecordedOnly:
    @pytest.fixture(autouse=True)
    def read_only(self, app: Flask, tmp_path: Path) -> None:
        app.extensions["lab"] = Laboratory(tmp_path, lambda: "", read_only="It is production.")

    def test_it_is_said_and_nothing_can_be_run(self, owner: Browser):
        for path in ("/lab", SCENARIO):
            page = words(owner.get(path))
            assert "Recorded runs only It is production." in page
            assert "Run it" not in page
            assert "Start with" not in page
        answer = owner.submit(SCENARIO, {"processor": "naive", "seed": "4711"})
        assert answer.status_code == 409
        assert "It is production." in words(answer)

    def test_a_recorded_run_says_when_and_of_which_code(self, app: Flask, owner: Browser):
        records = app.extensions["lab"].records
        recorded = {"at": "2026-11-23T22:00:00+00:00", "commit": "ca18345"}
        run_id = lab_records.ended(records, recorded=recorded)

        page = words(owner.get(f"/lab/runs/{run_id}"))

        assert "Recorded on Nov 23, 2026, commit ca18345" in page
        assert "Run again" not in page


class TestStorm:
    def test_it_has_a_mark_for_each_payment_told_apart_without_colour(
        self, owner: Browser, records: Records
    ):
        marks = [
            {"number": 1, "payment": "pay_1", "status": "completed", "captures": 1, "ok": True},
            {"number": 2, "payment": "pay_2", "status": "completed", "captures": 2, "ok": False},
        ]
        run_id = lab_records.ended(
            records,
            scenario="storm",
            verdict="some payments wrong",
            marks=marks,
            throughput={"payments": 2, "took_s": 4.0, "kills": 1},
        )

        page = owner.get(f"/lab/runs/{run_id}")

        assert "1 of 2 Some payments wrong" in words(page)
        assert "Payment 2: 2 captures, completed" in words(page)
        assert "Payments a second 0.5" in words(page)
        assert "Workers killed 1" in words(page)
        assert "#tick" in page.text
        assert "#cross" in page.text
        assert 'hx-trigger="every 1s"' not in page.text

    def test_it_takes_1_to_200_payments(self, owner: Browser, records: Records):
        assert 'name="payments" value="20"' in owner.get("/lab/storm").text
        for count in ("0", "201", "1e2", ""):
            given = {"processor": "naive", "seed": "1", "payments": count}
            answer = owner.submit("/lab/storm", given)
            assert answer.status_code == 422
            assert "From 1 to 200 payments." in words(answer)
        assert own(records) == []


class TestFreePlay:
    def test_every_button_is_there_while_it_runs(self, owner: Browser, records: Records):
        run_id = lab_records.running(records, "idempotent", scenario="free-play")

        with records.under_way(run_id):
            page = owner.get(f"/lab/runs/{run_id}").text

        pressed = set(re.findall(r'name="verb" value="(\w+)"', page))
        assert pressed == set(VERBS)

    def test_it_starts_only_with_a_processor_and_a_moment(self, owner: Browser, records: Records):
        assert owner.submit("/lab/play", {"processor": "unheard-of"}).status_code == 422
        assert owner.submit("/lab/play", {"processor": "naive", "moment": "x"}).status_code == 422
        assert own(records) == []


class TestMatrix:
    TABLE: ClassVar = {
        "status": "interrupted",
        "made_at": "2026-11-23T22:00:00+00:00",
        "commit": "ca18345",
        "done": 2,
        "total": 3,
        "columns": ["naive", "key-only", "idempotent"],
        "rows": [
            {
                "moment": "after-capture",
                "says": "killed after the capture",
                "cells": {
                    "naive": {"verdict": "charged 2 times", "ok": False, "id": None},
                    "key-only": {"verdict": "inconclusive", "ok": False, "id": None},
                },
            }
        ],
    }

    def test_it_says_what_became_of_each_and_how_far_it_is(
        self, browser_of: BrowserOf, tmp_path: Path
    ):
        (tmp_path / "matrix.json").write_text(json.dumps(self.TABLE))
        viewer = browser_of(Role.VIEWER)

        for path in ("/lab", "/lab/matrix"):
            page = viewer.get(path)
            assert "Killed after the capture Naive Charged 2 times Key only" in words(page)
            assert "at commit ca18345 , and cut off at 2 of 3" in words(page)
            assert 'class="st warn"' in page.text  # inconclusive is not green
            assert "Run again" not in words(page)
        assert viewer.submit("/lab/matrix", {"again": "yes"}).status_code == 403

    def test_it_is_made_again_only_by_its_button(self, owner: Browser, tmp_path: Path):
        assert owner.submit("/lab/matrix").status_code == 422
        assert not (tmp_path / "matrix.json").exists()


def test_a_copied_test_and_command_name_what_was_run(owner: Browser, records: Records):
    run_id = lab_records.ended(records, "idempotent")
    told = records.run(run_id)

    page = html.unescape(owner.get(f"/lab/runs/{run_id}").text)

    assert snippets.as_test(told) in page
    compile(snippets.as_test(told), "copied", "exec")
    command = shlex.split(snippets.as_command(told))
    parsed = demo.run.make_context("run", command[command.index("run") + 1 :])
    assert parsed.params["name"] == "kill-after-capture"
    assert parsed.params["processor"] == "idempotent"


@pytest.mark.full
def test_a_copied_test_passes(records: Records, tmp_path: Path, admin_url: str):
    told = records.run(lab_records.ended(records, "naive"))
    copied: dict[str, Any] = {}

    exec(compile(snippets.as_test(told), "copied", "exec"), copied)  # noqa: S102 - our own text
    copied["test_kill_after_capture_naive"](tmp_path / "lab", admin_url)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (
            "Worker B takes over the payment's job: lease 2; it is void.",
            "takes the job over: lease 2",
        ),
        ("Worker A hears: charged.", "charged"),
        ("The gateway takes $12 from the card again: capture 2.", "takes $12 again: 2 times"),
        ("Something that the table does not know.", "Something that the table does not know"),
    ],
)
def test_a_label_leaves_out_what_the_column_says(text: str, label: str):
    assert short(text) == label


def test_production_shows_recorded_runs_only(app_database_url: str):
    settings = {
        "APP_ENV": "production",
        "DATABASE_URL": app_database_url,
        "SECRET_KEY": "s" * 40,
        "GATEWAY_API_KEY": "sk_live_x",
        "GATEWAY_WEBHOOK_SECRET": "whsec_c2VjcmV0",
    }

    lab = create_app(load_config(settings)).extensions["lab"]

    assert "production" in lab.why_recorded_only()
