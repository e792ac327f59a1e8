"""``flask queues`` and ``flask workers``: wishes that are rows, and processes that read them."""

import os
import uuid

import pytest
from sqlalchemy import text

from payments_app.jobs import QUEUES


def queues(flask_cli) -> dict[str, dict]:
    return {queue["name"]: queue for queue in flask_cli("queues", "list", "--json").json}


def test_list_shows_every_configured_queue_with_its_limit(flask_cli):
    found = queues(flask_cli)

    assert {name: found[name]["limit"] for name in QUEUES} == QUEUES
    assert found["payments"]["paused"] is False


def test_pause_and_resume(flask_cli):
    assert flask_cli("queues", "pause", "emails", "payments").exit_code == 0
    assert [queues(flask_cli)[name]["paused"] for name in ("emails", "payments")] == [True, True]

    assert flask_cli("queues", "resume", "emails").exit_code == 0
    assert [queues(flask_cli)[name]["paused"] for name in ("emails", "payments")] == [False, True]


def test_a_misspelt_queue_is_named_and_nothing_is_half_done(flask_cli):
    ran = flask_cli("queues", "pause", "emails", "paiments")

    assert ran.exit_code == 1
    assert "'paiments' is unknown; known are" in ran.errors
    assert queues(flask_cli)["emails"]["paused"] is False


def test_scale_and_reset(flask_cli):
    assert flask_cli("queues", "scale", "payments", "20", "--global-limit", "40").exit_code == 0
    assert queues(flask_cli)["payments"]["limit"] == 20
    assert queues(flask_cli)["payments"]["global_limit"] == 40

    assert flask_cli("queues", "reset", "payments").exit_code == 0
    assert queues(flask_cli)["payments"]["limit"] == QUEUES["payments"]
    assert queues(flask_cli)["payments"]["global_limit"] is None


def test_a_rate_is_set_and_removed(flask_cli):
    assert flask_cli("queues", "scale", "emails", "--rate", "100/60").exit_code == 0
    assert queues(flask_cli)["emails"]["rate"] == [100, 60.0]

    assert flask_cli("queues", "scale", "emails", "--no-rate").exit_code == 0
    assert queues(flask_cli)["emails"]["rate"] is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("scale", "payments", "--rate", "fast"), "Right: 25/1"),
        (("scale", "payments", "0"), "LIMIT"),
        (("scale", "payments"), "Give LIMIT"),
        (("scale", "payments", "2", "--global-limit", "3", "--no-global-limit"), "exclude"),
        (("reset", "paiments"), "configured are"),
    ],
)
def test_a_wrong_order_says_what_is_right(flask_cli, words, message):
    ran = flask_cli("queues", *words)

    assert ran.exit_code == 2
    assert message in ran.errors


@pytest.fixture
def worker(engine) -> uuid.UUID:
    """A worker process that registered itself; alive for a minute."""
    made = uuid.uuid4()
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO queue.workers"
                " (id, supervisor_id, node, pid, supervisor_pid, queues, kinds, expires_at)"
                " VALUES (:id, :id, 'here', :pid, 1, '{emails}', '{send_email}',"
                " now() + interval '1 minute')"
            ),
            {"id": made, "pid": os.getpid()},
        )
    return made


def test_workers_list_gives_one_array_with_the_fields_of_the_contract(flask_cli, worker):
    (found,) = flask_cli("workers", "list", "--json").json

    assert found["id"] == str(worker)
    assert found["node"] == "here"
    assert found["pid"] == os.getpid()
    assert found["supervisor_pid"] == 1
    assert found["queues"] == ["emails"]
    assert found["alive"] is True


def test_a_drained_worker_shows_it(flask_cli, worker):
    assert flask_cli("workers", "drain", str(worker)).exit_code == 0

    assert flask_cli("workers", "list", "--json").json[0]["draining"] is True


def test_no_workers_says_how_to_start_some(flask_cli):
    assert flask_cli("workers", "list", "--json").json == []
    assert "run-workers" in flask_cli("workers", "list").output


def test_draining_nobody_fails(flask_cli):
    assert flask_cli("workers", "drain", "--node", "elsewhere").exit_code == 1
