"""Events are an API: the catalogue, the code and the guide say the same; handlers hurt nobody."""

import ast
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from queue_core import Queue, control, telemetry
from queue_core.runtime import connect, history
from queue_core.runtime.options import RuntimeOptions
from queue_core.runtime.reaper import Reaper
from queue_core.runtime.vacuum import Vacuum
from queue_core.store import Store
from queue_core.telemetry import EVENTS, Event
from queue_core.telemetry.catalogue import table
from queue_core.testing import drain_queue
from tests.queue_core.support import Give, Note, Once, execute, insert, job, make_notes, runner

ROOT = Path(__file__).parent.parent.parent
OPTIONS = RuntimeOptions(database_url="", schema="queue", queues=())
GUIDE = ROOT / "docs" / "guide" / "events.md"


@pytest.fixture
def heard() -> Iterator[list[Event]]:
    """Every event of this process, while the test runs."""
    events: list[Event] = []
    detach = telemetry.attach(events.append)
    yield events
    detach()


def named(events: list[Event], name: str) -> list[Event]:
    return [one for one in events if one.name == name]


def emits() -> Iterator[tuple[str, ast.Call]]:
    """Every `emit` of the package, with where it stands."""
    for path in sorted((ROOT / "queue_core").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"telemetry.emit", "emit"}:
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def keys(node: ast.AST) -> set[str]:
    return {
        str(key.value)
        for one in ast.walk(node)
        if isinstance(one, ast.Dict)
        for key in one.keys
        if isinstance(key, ast.Constant)
    }


class TestCatalogue:
    def test_the_guide_shows_the_catalogue(self) -> None:
        assert table() in GUIDE.read_text(), "docs/guide/events.md: paste catalogue.table() again"

    def test_every_event_of_the_catalogue_is_emitted_somewhere(self) -> None:
        sources = [path.read_text() for path in (ROOT / "queue_core").rglob("*.py")
                   if path.name != "catalogue.py"]  # fmt: skip

        assert [name for name in EVENTS if not any(f'"{name}"' in one for one in sources)] == []

    def test_what_is_emitted_is_in_the_catalogue(self) -> None:
        wrong = []
        for where, call in emits():
            name = call.args[0]
            if not isinstance(name, ast.Constant):
                continue  # Chosen among names that the runs below meet.
            spec = EVENTS[str(name.value)]
            told = {keyword.arg for keyword in call.keywords if keyword.arg}
            measured = keys(call.args[1]) if len(call.args) > 1 else set()
            known = {one.rstrip("?") for one in (*spec.metadata, *spec.measurements)}
            if not told | measured <= known:
                wrong.append((where, name.value, (told | measured) - known))

        assert wrong == []

    def test_labels_are_metadata_that_always_comes(self) -> None:
        assert {name for name, spec in EVENTS.items() if not set(spec.labels) <= set(spec.metadata)
                } == set()  # fmt: skip


class TestHandlers:
    def test_a_handler_that_fails_is_reported_and_called_again(
        self, queue: Queue, heard: list[Event], caplog: pytest.LogCaptureFixture
    ) -> None:
        calls = []

        def fail(event: Event) -> None:
            calls.append(event.name)
            raise SystemExit if len(calls) > 1 else ValueError("broken metric")

        detach = telemetry.attach(fail, "job.started", "job.completed")
        job_id = insert(queue, Give("none"))
        drain_queue(queue)
        detach()

        assert calls == ["job.started", "job.completed"]
        assert job(queue, job_id)["state"] == "completed"
        assert len([one for one in caplog.records if "handler" in one.getMessage()]) == 2
        assert len(named(heard, "job.completed")) == 1

    def test_detaching_twice_takes_only_its_own_handler(self) -> None:
        seen: list[Event] = []
        first, second = telemetry.attach(seen.append), telemetry.attach(seen.append)
        first()
        first()

        telemetry.emit("jobs.resumed", {"jobs": 1})
        second()
        telemetry.emit("jobs.resumed", {"jobs": 1})

        assert len(seen) == 1

    def test_an_unknown_event_is_refused_with_the_known_ones(self) -> None:
        with pytest.raises(ValueError, match=r"'job\.done' is unknown; known are job\.inserted"):
            telemetry.attach(print, "job.done")

    def test_without_a_listener_nothing_is_built(self) -> None:
        """In a process of its own: in this one, other tests' application may be listening."""
        question = "print(*map(telemetry.is_heard, ['job.completed', 'job.discarded']))"

        answer = subprocess.check_output(
            [sys.executable, "-c", f"from queue_core import telemetry; {question}"], text=True
        )

        assert answer == "False True\n"  # The second is logged as a warning.


class TestWhatIsTold:
    @pytest.mark.parametrize(
        ("what", "name", "measured"),
        [
            ("none", "job.completed", {"duration_s", "wait_s"}),
            ("raise", "job.failed", {"duration_s", "wait_s", "delay_s"}),
            ("snooze", "job.snoozed", {"duration_s", "wait_s", "delay_s"}),
            ("cancel", "job.cancelled", {"duration_s", "wait_s"}),
            ("discard", "job.discarded", {"duration_s", "wait_s"}),
        ],
    )
    def test_a_run_is_told_by_how_it_ended(
        self, queue: Queue, heard: list[Event], what: str, name: str, measured: set[str]
    ) -> None:
        job_id = insert(queue, Give(what))
        drain_queue(queue)

        (started,), (ended,) = named(heard, "job.started"), named(heard, name)
        assert started.metadata["job"] == ended.metadata["job"] == job_id
        assert set(ended.measurements) == measured
        assert ended.measurements["wait_s"] >= 0
        assert set(ended.metadata) - {"error"} == {"job", "kind", "queue", "attempt", "lease"}

    def test_an_end_is_told_after_it_was_committed(self, queue: Queue) -> None:
        """The handler looks with a connection of its own."""
        states = []
        detach = telemetry.attach(
            lambda event: states.append(job(queue, event.metadata["job"])["state"]),
            "job.completed",
        )
        make_notes(queue)
        insert(queue, Give("none"))
        insert(queue, Note())
        drain_queue(queue)
        detach()

        assert states == ["completed", "completed"]

    def test_inserts_are_told_once_per_kind_with_their_conflicts(
        self, queue: Queue, heard: list[Event]
    ) -> None:
        with queue.engine.begin() as connection:
            queue.insert_all(connection, [Once("a"), Once("a"), Once("b"), Give("none")])

        told = {one.metadata["kind"]: one for one in named(heard, "job.inserted")}
        assert told["once"].measurements == {"jobs": 2, "conflicts": 1}
        assert told["give"].measurements == {"jobs": 1, "conflicts": 0}
        assert "job" in told["give"].metadata
        assert "job" not in told["once"].metadata

    def test_operators_orders_are_told(self, queue: Queue, heard: list[Event]) -> None:
        with queue.engine.begin() as connection:
            control.pause_queue(connection, "default", actor="ada")
            control.resume_queue(connection, "default", actor="ada")
            control.scale_queue(connection, "default", 7, actor="ada")
            control.reset_queue(connection, queue.queues[0], actor="ada")

        assert [one.name for one in heard] == [
            *("queue.paused", "queue.resumed", "queue.scaled", "queue.reset")
        ]
        assert heard[0].metadata == {"queue": "default", "actor": "ada"}

    def test_a_rescue_is_told_also_when_a_reaper_died_before_it(
        self, queue: Queue, heard: list[Event]
    ) -> None:
        insert(queue, Note())
        with runner(queue) as one:
            one.claim()
            one.die()
            Reaper(OPTIONS, lambda: float("-inf")).sweep(one.store)

        (rescued,) = named(heard, "job.rescued")
        assert (rescued.measurements, rescued.metadata) == ({"jobs": 1}, {"workers": [str(one.id)]})

    def test_partitions_and_vacuums_are_told(self, queue: Queue, heard: list[Event]) -> None:
        with connect.connect(queue.database_url, "test") as connection:
            store = Store(connection, queue.schema)
            drop_a_day(connection, store)
            history.make_ahead(store)
            execute(queue, "INSERT INTO queue.jobs (state, queue, kind) SELECT 'available',"
                    " 'default', 'x' FROM generate_series(1, 6000)")  # fmt: skip
            execute(queue, "DELETE FROM queue.jobs")
            execute(queue, "SELECT pg_stat_force_next_flush()")
            queue.engine.dispose()  # Its connection says how much it wrote when it ends.
            vacuum = Vacuum()
            while not named(heard, "vacuum.done"):
                vacuum.tick(store)

        assert "job_attempts" in {one.metadata["parent"] for one in named(heard, "history.made")}
        (done,) = named(heard, "vacuum.done")
        assert done.measurements["dead_after"] <= done.measurements["dead_before"]


class TestLog:
    def test_each_event_is_a_line_with_its_fields(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, logger="queue_core")

        telemetry.emit("loop.failed", component="reaper", error="two\nlines" + "x" * 300)

        (record,) = caplog.records
        assert (record.levelno, getattr(record, "event", None)) == (logging.WARNING, "loop.failed")
        assert getattr(record, "fields", {})["component"] == "reaper"
        assert record.getMessage().startswith("loop.failed component=reaper error=two lines")
        assert len(record.getMessage()) < 260


def drop_a_day(connection: psycopg.Connection[Any], store: Store) -> None:
    name = max(row["name"] for row in store.list_partitions() if row["parent"] == "job_attempts")
    connection.execute(f"DROP TABLE queue.{name}".encode())
