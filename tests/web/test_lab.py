"""The lab's first page and its scenarios, before anything runs: nothing is played here.

That a run is really played, and watched while it is, is tests/e2e/test_lab.py.
"""

from pathlib import Path

import pytest
from flask import Flask

from payments_app import create_app
from payments_app.config import load_config
from payments_app.domain.access import Role
from payments_app.lab.laboratory import Busy, Laboratory
from payments_app.lab.records import Records
from tests.web import lab_records
from tests.web.browser import Browser, words
from tests.web.conftest import BrowserOf
from tests.web.lab_records import ColdLaboratory, own

pytestmark = pytest.mark.usefixtures("records")
SCENARIO = "/lab/kill-after-capture"


class BusyLaboratory(ColdLaboratory):
    """One whose user has a run under way already."""

    under_way = ""

    def start(self, *_args, **_options):
        raise Busy(self.under_way)


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


class TestRecordedOnly:
    @pytest.fixture(autouse=True)
    def read_only(self, app: Flask, records: Records, tmp_path: Path) -> None:
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
