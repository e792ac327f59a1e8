"""Counters for every event, also of processes that died; gauges that the database knows."""

import os
import re
import signal
import socket
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from queue_core import Queue, control, metrics
from queue_core.errors import QueueError
from queue_core.metrics import endpoint
from queue_core.metrics.gauges import gauges
from queue_core.telemetry import EVENTS, emit
from queue_core.testing import drain_queue
from tests.queue_core.program import Mark, Wait
from tests.queue_core.support import Give, Note, insert
from tests.support.ports import free_port
from tests.support.waiting import wait_until


@pytest.fixture
def registry() -> Iterator[CollectorRegistry]:
    registry = CollectorRegistry()
    end = metrics.attach(registry)
    yield registry
    end()


def value(text: str, metric: str) -> float:
    found = re.search(rf"^{re.escape(metric)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def scraped(registry: CollectorRegistry) -> str:
    return generate_latest(registry).decode()


def test_every_event_has_a_counter(registry: CollectorRegistry) -> None:
    for name, spec in EVENTS.items():
        measured = {one.rstrip("?"): 2.0 for one in spec.measurements}
        emit(name, measured, **{one.rstrip("?"): "x" for one in spec.metadata})

    text = scraped(registry)

    for name, spec in EVENTS.items():
        labels = ",".join(f'{label}="x"' for label in sorted(spec.labels))
        counter = f"{metrics.metric_name(name)}_total" + (f"{{{labels}}}" if labels else "")
        assert value(text, counter) == (2 if spec.counts else 1), name


def test_runs_are_counted_and_timed_by_how_they_ended(
    queue: Queue, registry: CollectorRegistry
) -> None:
    for what in ("none", "none", "discard"):
        insert(queue, Give(what))
    drain_queue(queue)

    text = scraped(registry)

    assert value(text, 'queue_job_inserted_total{kind="give",queue="default"}') == 3
    assert value(text, 'queue_job_completed_total{kind="give",queue="default"}') == 2
    assert value(text, 'queue_job_discarded_total{kind="give",queue="default"}') == 1
    ended = 'event="job.completed",kind="give",queue="default"'
    assert value(text, f"queue_job_duration_seconds_count{{{ended}}}") == 2
    assert value(text, 'queue_job_wait_seconds_count{queue="default"}') == 3


def test_a_metric_ends_when_it_is_detached(queue: Queue) -> None:
    registry = CollectorRegistry()
    metrics.attach(registry)()
    emit("jobs.resumed", {"jobs": 1})

    assert scraped(registry) == ""


def test_gauges_are_what_the_database_says(queue: Queue) -> None:
    insert(queue, Note())
    with queue.engine.begin() as connection:
        control.pause_queue(connection, "other")
        connection.exec_driver_sql("UPDATE queue.jobs SET scheduled_at = now() - interval '1 min'")

    with queue.engine.connect() as connection:
        found = {
            (sample.name, sample.labels.get("queue")): sample.value
            for metric in gauges(connection)
            for sample in metric.samples
        }

    assert found["queue_paused", "other"] == 1
    assert found["queue_paused", "default"] == 0
    assert 60 <= found["queue_oldest_available_seconds", "default"] < 120
    assert found["queue_leader", None] == 0
    assert {"queue_dead_rows", "queue_oldest_snapshot_seconds"} < {name for name, _ in found}


def test_a_node_serves_what_all_its_children_counted_dead_ones_too(
    queue: Queue, start: Any, tmp_path: Path
) -> None:
    port = free_port()
    program = start(processes=1, metrics_port=port).ready()
    insert(queue, Mark())
    wait_until(lambda: completed(port) == 1, what="the endpoint counts the job")
    with socket.create_connection(("127.0.0.1", port)):
        assert completed(port) == 1  # A client that says nothing keeps nobody out.
    first = program.kill_child()
    insert(queue, Mark())

    wait_until(lambda: completed(port) == 2, timeout_s=20, what="what a dead child did counts")

    cut_the_listener(queue)
    wait_until(lambda: value(scrape(port), FOUND) == 1, what="the listener is told to be back")
    assert value(scrape(port), FOUND.replace("found", "lost")) == 1
    assert value(scrape(port), "queue_worker_died_total") == 1
    assert value(scrape(port), "queue_worker_forked_total") == 2
    assert first not in {one["pid"] for one in program.workers()}
    program.signal(signal.SIGTERM)
    assert program.wait() == 0
    wait_until(lambda: not answers(port), what="the endpoint ends with its node")


def test_an_endpoint_ends_with_a_supervisor_that_was_killed(
    queue: Queue, start: Any, tmp_path: Path
) -> None:
    port = free_port()
    program = start(metrics_port=port).ready()
    go = tmp_path / "go"
    insert(queue, Wait(str(go)))
    wait_until(lambda: value(scrape(port), STARTED) == 1)

    os.kill(program.process.pid, signal.SIGKILL)

    wait_until(lambda: not answers(port), what="the endpoint noticed")


def test_a_file_that_is_just_being_made_does_not_break_the_scrape(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    file = tmp_path / "counter_1.db"
    file.touch()  # Between open and truncate, as a child's first count leaves it.
    threading.Timer(0.1, file.write_bytes, (bytes(1 << 16),)).start()

    assert endpoint.Files().collect() == []


def test_a_port_in_use_is_said_at_the_start(queue: Queue) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(QueueError, match=f"cannot be served on 127.0.0.1:{port}"):
            queue.run(metrics_port=port)

    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ


FOUND = 'queue_database_found_total{component="listener"}'
STARTED = 'queue_job_started_total{kind="wait",queue="default"}'
COMPLETED = 'queue_job_completed_total{kind="mark",queue="default"}'


def cut_the_listener(queue: Queue) -> None:
    with queue.engine.begin() as connection:
        cut = connection.exec_driver_sql(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name = 'queue_core listener' AND datname = current_database()"
        )
        assert cut.scalar_one() == 1


def scrape(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return str(answer.read().decode())


def completed(port: int) -> float:
    return value(scrape(port), COMPLETED)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
