"""The benchmark's own plumbing, in its quick form and without peers: numbers that nobody watches
must not rot.
"""

from functools import partial
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.contestants import Setup, find
from benchmarks.drain import drain
from benchmarks.page import Page
from benchmarks.result import Plan, Result, Target, interleave
from benchmarks.scenarios import SCENARIOS, inserts
from benchmarks.workers import Failed, wait_until, workers
from benchmarks.world import world


def test_what_is_measured_is_told_as_a_table_and_as_json(admin_url: str, tmp_path: Path):
    with world(tmp_path, admin_url) as server:
        rate = drain(server, find("queue_core"), 60, Setup(slots=2))
        result = inserts.run_bulk(server, Plan(rounds=1, share=0.001, with_peers=False))
        table = report.table({"bulk": result}, server.describe())
    written = report.write_json({"bulk": result}, {}, tmp_path / "numbers.json")

    assert rate > 0
    assert "| queue_core | " in table
    assert '"rows/s"' in written.read_text()


def test_a_worker_that_ends_is_told_with_its_output(tmp_path: Path):
    nowhere = "postgresql://127.0.0.1:1/nowhere"

    with (
        pytest.raises(Failed, match=r"(?s)raw ended before .*refused"),
        workers(find("raw"), nowhere, tmp_path / "page", 50, Setup()) as started,
    ):
        wait_until(lambda: False, "the first job", started)


def test_a_job_that_ran_twice_is_counted_once_and_noticed(tmp_path: Path):
    page = Page(tmp_path / "page", 10)

    page.executed(3)
    page.executed(3)

    assert (page.count(), page.executions()) == (1, 2)


def test_everybody_has_a_turn_to_be_first():
    order: list[str] = []

    def note(name: str) -> float:
        order.append(name)
        return 1.0

    interleave(Plan(rounds=3), {name: partial(note, name) for name in "abc"})

    assert order == [*"abc", *"bca", *"cab"]


def test_a_target_says_whether_it_is_met():
    result = Result("drain")
    result.add("jobs/s", {"ours": [3.0, 9.0, 4.0], "theirs": [2.0, 2.0, 2.0]})

    result.compare("ours / theirs", "ours", "theirs", "jobs/s", 1.5)
    result.compare("ours / absent", "ours", "absent", "jobs/s", 1.5)

    assert result.targets == [Target("ours / theirs", 2.0, 1.5)]
    assert result.targets[0].is_met
    assert not Target("memory", 81.0, 80.0, at_most=True).is_met


def test_every_row_of_the_promise_has_its_scenario():
    assert list(SCENARIOS) == [
        *("drain", "bulk", "single", "latency", "sleep", "churn", "history", "memory")
    ]
