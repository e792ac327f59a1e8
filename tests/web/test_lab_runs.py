"""The page of a run, live and afterwards, over records that were written before."""

import html
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from payments_app.cli import demo
from payments_app.domain.access import Role
from payments_app.lab import catalogue
from payments_app.lab.records import Records
from payments_app.web.lab import snippets
from payments_app.web.lab.labels import short
from payments_app.web.lab.predictions import outcome
from tests.web import lab_records
from tests.web.browser import Browser, words
from tests.web.conftest import BrowserOf

pytestmark = pytest.mark.usefixtures("records")


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


@pytest.mark.parametrize(
    ("scenario", "told", "number"),
    [
        ("kill-after-capture", {"captured_minor": 24_000}, 2),
        ("kill-after-capture", {"captured_minor": 36_000}, None),
        ("refund-race", {"captured_minor": 12_000}, 1),
        ("webhook-storm", {"verdict": "charged once, posted 6 times"}, 2),
        ("late-after-decline", {"captures": 1, "verdict": "charged once, recorded failed"}, 1),
        ("storm", {"ok": True}, 1),
    ],
)
def test_a_prediction_is_compared_with_what_its_scenario_asks_for(
    scenario: str, told: dict[str, Any], number: int | None
):
    refund = {"kind": "refund", "detail": {"amount_minor": 6_000}}
    run = {"verdict": "", "captures": 0, "ok": False, "events": [refund], **told}

    assert outcome(run, catalogue.BY_ID[scenario]) == number
