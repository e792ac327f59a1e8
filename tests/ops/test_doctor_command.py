"""``flask jobs doctor``: an exit code for monitors, sentences for people, JSON for programs."""

import uuid

import pytest
from sqlalchemy import text

from payments_app.jobs import QUEUES


@pytest.fixture
def healthy(engine):
    """A worker process that serves everything, and a leader: as rows, which is all one sees."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "WITH worker AS (INSERT INTO queue.workers (id, supervisor_id, node, pid,"
                " supervisor_pid, queues, kinds, expires_at) VALUES (:id, :id, 'here', 1, 1,"
                " :queues, '{}', now() + interval '1 hour') RETURNING id)"
                " INSERT INTO queue.leader SELECT 'leader', id, 'here', now(),"
                " now() + interval '1 hour' FROM worker"
            ),
            {"id": uuid.uuid4(), "queues": list(QUEUES)},
        )


def test_a_healthy_queue_ends_with_0(flask_cli, healthy):
    ran = flask_cli("jobs", "doctor")

    assert (ran.exit_code, "wrong" in ran.output) == (0, False), ran.output
    assert "ok     leader: on here" in ran.output


def test_what_is_wrong_ends_with_1_and_says_what_to_do(flask_cli):
    ran = flask_cli("jobs", "doctor")

    assert ran.exit_code == 1
    assert "wrong  workers: no worker process is alive\n       → Start some" in ran.output


def test_json_tells_the_same_with_details(flask_cli, healthy):
    ran = flask_cli("jobs", "doctor", "--json")

    assert ran.exit_code == 0
    found = {one["check"]: one for one in ran.json}
    assert found["workers"]["details"] == {"workers": 1}
    assert {*found["workers"]} == {"check", "wrong", "message", "advice", "details"}


def test_missing_tables_are_a_finding_too(flask_cli, engine):
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA queue CASCADE"))

    ran = flask_cli("jobs", "doctor")

    assert ran.exit_code == 1
    assert "has no queue tables" in ran.output
