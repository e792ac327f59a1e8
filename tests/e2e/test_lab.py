"""The lab in a real browser, over real runs: predicted, watched while they play, judged, replayed.

What is on the screen is compared with the record: the browser may have lost its connection on the
way, and somebody else watches the same run.
"""

import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Page, Route, expect
from werkzeug.serving import make_server

from payments_app import create_app
from payments_app.config import load_config
from payments_app.lab import catalogue
from payments_app.lab.laboratory import Laboratory
from payments_app.lab.scenario import Scenario
from payments_app.process_table import is_running
from payments_app.web.lab.words import sentence
from tests.e2e.conftest import NewPage, sign_in
from tests.e2e.people import OPERATOR, add_users
from tests.e2e.test_accessibility import MODES, check
from tests.support import databases

PATIENCE_MS = 60_000
TWICE_IN_A_ROW = 2
SHORT_MODES = [MODES[0], MODES[3]]


@pytest.fixture(scope="module")
def app(
    admin_url: str, app_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Flask]:
    """Pages and lab, with a folder for runs of their own."""
    folder = str(tmp_path_factory.mktemp("lab"))
    with databases.database(admin_url, template=app_template) as url:
        app = create_app(load_config({"APP_ENV": "test", "DATABASE_URL": url, "DATA_DIR": folder}))
        add_users(app.extensions["database"].sessions)
        yield app
        app.extensions["lab"].close()
        app.extensions["database"].close()


@pytest.fixture(scope="module")
def site(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def lab(app: Flask) -> Laboratory:
    found: Laboratory = app.extensions["lab"]
    return found


def drawn(page: Page) -> list[list[str]]:
    """Column by column, the ids of the rows that are shown."""
    ids: list[list[str]] = page.evaluate(
        "[...document.querySelectorAll('.seq')].map(list =>"
        " [...list.children].filter(row => !row.hidden).map(row => row.id))"
    )
    return ids


def test_scenario_seven_is_predicted_watched_judged_and_replayed(
    site: str, lab: Laboratory, new_page: NewPage
):
    lost: list[str] = []

    def lose_some(route: Route) -> None:
        if len(lost) < TWICE_IN_A_ROW:
            lost.append(route.request.url)
            route.abort()
        else:
            route.fallback()

    owner = new_page(site, as_owner=True, expects="net::ERR_FAILED")
    other = new_page(site)
    sign_in(other, OPERATOR)
    owner.goto("/lab")
    expect(owner.get_by_text("No runs yet. Start with scenario 7.")).to_be_visible()
    owner.get_by_role("link", name="Start with scenario 7").click()
    naive = owner.get_by_role("group", name="Naive calls")
    naive.get_by_label("$240: charged twice").press(" ")
    owner.get_by_role("group", name="Idempotent").get_by_label("$120: charged once").press(" ")
    owner.route("**/rows?*", lose_some)

    with owner.expect_response(lambda answer: "/lab/runs/" in answer.url) as shown:
        owner.get_by_role("button", name="Run it").press("Enter")
    assert 'data-seq="1"' in shown.value.text()  # the first row comes with the page itself
    other.goto(owner.url.partition("?")[0])
    for page in (owner, other):
        expect(page.locator("#player:not([inert])")).to_be_visible(timeout=PATIENCE_MS)

    assert len(lost) == TWICE_IN_A_ROW
    run_id = owner.url.partition("?")[0].rpartition("/")[2]
    runs = [lab.records.run(one) for one in (run_id, *lab.records.run(run_id)["beside"])]
    recorded = [[f"{run['id']}-{event['seq']}" for event in run["events"]] for run in runs]
    assert drawn(owner) == recorded
    assert drawn(other) == recorded
    says = "Naive: charged 2 times. Idempotent: charged 1 time."
    expect(owner.locator("#announce")).to_have_text(says)
    expect(owner.get_by_text("You predicted “$240: charged twice”: right.")).to_be_visible()
    expect(owner.get_by_text("$240.00").first).to_be_visible()
    expect(owner.get_by_role("row", name="Captures per purchase")).to_contain_text("Fail: 2")

    owner.locator("h1").click()
    owner.keyboard.press(",")
    assert drawn(owner) != recorded
    owner.keyboard.press(".")
    assert drawn(owner) == recorded
    owner.get_by_role("button", name="Reset").click()
    assert drawn(owner) == [[], []]
    owner.get_by_label("Position").press("End")
    assert drawn(owner) == recorded
    owner.get_by_label("Keys:").uncheck()
    owner.locator("h1").click()
    owner.keyboard.press(",")
    assert drawn(owner) == recorded
    owner.goto(owner.url)
    assert drawn(owner) == recorded

    paths = ("/lab", "/lab/kill-after-capture", f"/lab/runs/{run_id}")
    assert [wrong for path in paths for wrong in check(other, path, SHORT_MODES)] == []


def test_a_kill_through_the_page_ends_the_process(site: str, lab: Laboratory, new_page: NewPage):
    owner = new_page(site, as_owner=True)
    owner.goto("/lab/play")
    owner.get_by_role("button", name="Play").click()
    expect(owner.get_by_text("Gateway to Worker A: succeeded")).to_be_attached(timeout=PATIENCE_MS)
    run_id = owner.url.partition("?")[0].rpartition("/")[2]
    assert check(owner, f"/lab/runs/{run_id}", SHORT_MODES) == []

    owner.set_viewport_size({"width": 1280, "height": 800})
    owner.get_by_role("button", name="Kill worker a").click()
    expect(owner.locator(".body", has_text="SIGKILL")).to_be_visible(timeout=PATIENCE_MS)
    killed = next(event for event in lab.records.events(run_id) if event["kind"] == "kill")
    assert not is_running(killed["detail"]["pid"])

    owner.get_by_role("button", name="Finish, and count").click()
    verdict = owner.locator("[data-verdict]")
    expect(verdict).to_contain_text("$120.00", timeout=PATIENCE_MS)
    expect(verdict).to_contain_text("Charged 1 time")
    expect(owner.get_by_role("button", name="Kill worker a")).to_be_disabled()
    assert check(owner, "/lab/play", SHORT_MODES) == []


@pytest.mark.full
@pytest.mark.timeout(400)
@pytest.mark.parametrize("scenario", catalogue.SCENARIOS, ids=lambda scenario: scenario.id)
def test_every_processor_ends_as_expected_three_times_in_a_row(
    site: str, lab: Laboratory, new_page: NewPage, scenario: Scenario
):
    page = new_page(site, as_owner=True)

    for _ in range(3):
        page.goto(f"/lab/{scenario.id}")
        page.get_by_text("Processors and seed").click()
        for name in scenario.processors:
            page.locator(f"input[name=processor][value={name}]").check()
        page.get_by_role("button", name="Run it").click()
        expect(page.get_by_role("heading", name="Invariants")).to_be_visible(timeout=120_000)
        run_id = page.url.partition("?")[0].rpartition("/")[2]
        runs = [lab.records.run(one) for one in (run_id, *lab.records.run(run_id)["beside"])]
        assert {run["processor"]: run["verdict"] for run in runs} == {
            name: expected.verdict for name, expected in scenario.expected.items()
        }
        shown = page.locator(".verdict .st").all_inner_texts()
        assert shown == [sentence(each.verdict) for each in scenario.expected.values()]
