"""Storm, free play, crash matrix: what their pages ask for, and how they show what happened."""

import json
import re
from pathlib import Path
from typing import ClassVar

import pytest

from payments_app.domain.access import Role
from payments_app.lab.console import VERBS
from payments_app.lab.records import Records
from tests.web import lab_records
from tests.web.browser import Browser, words
from tests.web.conftest import BrowserOf
from tests.web.lab_records import own

pytestmark = pytest.mark.usefixtures("records")
REMOVED = "run_0123456789abcdef"


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
                    "naive": {"verdict": "charged 2 times", "ok": False, "id": REMOVED},
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
            assert REMOVED not in page.text
        assert viewer.submit("/lab/matrix", {"again": "yes"}).status_code == 403

    def test_it_is_made_again_only_by_its_button(self, owner: Browser, tmp_path: Path):
        assert owner.submit("/lab/matrix").status_code == 422
        assert not (tmp_path / "matrix.json").exists()
