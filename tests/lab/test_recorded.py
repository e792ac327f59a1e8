"""What is shown where nothing may be run: runs that were really made, labelled, all as expected."""

import pytest

from payments_app.lab import catalogue, matrix, recording
from payments_app.lab.laboratory import Laboratory, RecordedOnly

REASON = "This is a production deployment."


@pytest.fixture
def lab(tmp_path):
    """A lab that may run nothing; its server is never asked."""

    def no_server() -> str:
        raise AssertionError("a lab that runs nothing must ask no server")

    return Laboratory(tmp_path, no_server, read_only=REASON)


def test_a_deployment_that_may_run_nothing_says_why_and_starts_nothing(lab):
    lab.warm()

    assert lab.why_recorded_only() == REASON
    with pytest.raises(RecordedOnly, match=REASON):
        lab.start("kill-after-capture", ["idempotent"])
    with pytest.raises(RecordedOnly, match=REASON):
        matrix.Matrix(lab).run_again()


def test_every_scenario_is_shipped_for_naive_and_ours_with_date_and_commit(lab):
    runs = lab.records.shipped()

    assert {(run["scenario"], run["processor"]) for run in runs} == {
        (scenario.id, name) for scenario in catalogue.SCENARIOS for name in recording.SIDE_BY_SIDE
    }
    assert all(run["as_expected"] and run["inconclusive"] is None for run in runs)
    assert all(run["recorded"]["at"] and run["recorded"]["commit"] for run in runs)
    expected = {run["id"]: catalogue.BY_ID[run["scenario"]].expected for run in runs}
    assert all(run["verdict"] == expected[run["id"]][run["processor"]].verdict for run in runs)


def test_a_shipped_run_has_its_events_and_can_be_followed_like_any_other(lab):
    run = next(run for run in lab.records.shipped() if run["scenario"] == "kill-after-capture")

    events = lab.records.events(run["id"])

    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert lab.records.events(run["id"], after=5) == events[5:]
    assert lab.records.run(run["id"])["events"] == events


def test_the_shipped_table_is_as_promised_and_is_the_one_in_the_documentation(lab):
    table = matrix.Matrix(lab).shown()

    assert table["status"] == "ended"
    assert matrix.is_as_promised(table)
    assert recording.PAGE.read_text(encoding="utf-8") == recording.as_page(table)
    readme = recording.README.read_text(encoding="utf-8")
    assert readme == recording.with_table(readme, table)
    assert recording.BEGIN + recording.as_markdown(table) + recording.END in readme
