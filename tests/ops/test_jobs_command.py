"""``flask jobs``: JSON to the letter, bulk verbs that ask, errors that say what is right."""

import pytest
from sqlalchemy import text

import queue_core
from payments_app.jobs import ProcessPayment, SendEmail

CONTRACT = {
    *("id", "kind", "queue", "state", "attempt", "max_attempts", "lease", "scheduled_at", "errors"),
}


@pytest.fixture
def inserted(engine):
    """Three mails and a payment waiting: their ids, oldest first."""
    with engine.begin() as connection:
        mails = [
            queue_core.insert(connection, SendEmail(delivery_id=f"mail_{n}"), tags=("monthly",)).id
            for n in range(3)
        ]
        payment = queue_core.insert(
            connection, ProcessPayment(payment_id="pay_1"), schedule_in=3600
        )
    return [*mails, payment.id]


def states(engine) -> dict[int, str]:
    with engine.connect() as connection:
        return {
            row.id: row.state for row in connection.execute(text("SELECT * FROM queue.all_jobs"))
        }


def test_list_gives_one_array_newest_first(flask_cli, inserted):
    ran = flask_cli("jobs", "list", "--json")

    assert ran.exit_code == 0
    assert [job["id"] for job in ran.json] == inserted[::-1]
    assert set(ran.json[0]) >= CONTRACT
    assert ran.json[0]["state"] == "scheduled"
    assert ran.json[0]["errors"] == []


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (("--kind", "send_email"), 3),
        (("--queue", "payments"), 1),
        (("--state", "scheduled"), 1),
        (("--state", "scheduled", "--state", "available"), 4),
        (("--tag", "monthly"), 3),
        (("--limit", "2"), 2),
        (("--state", "discarded"), 0),
    ],
)
def test_list_filters(flask_cli, inserted, words, count):
    assert len(flask_cli("jobs", "list", "--json", *words).json) == count


def test_list_in_a_pipe_is_plain_text(flask_cli, inserted):
    output = flask_cli("jobs", "list").output

    assert "send_email" in output
    assert output.isascii()


def test_show_gives_one_object(flask_cli, inserted):
    job = flask_cli("jobs", "show", str(inserted[0]), "--json").json

    assert set(job) >= CONTRACT
    assert job["args"] == {"delivery_id": "mail_0"}


def test_a_failed_run_shows_its_error_once(flask_cli, engine, inserted):
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO queue.job_attempts (job_id, lease, attempt, outcome, error)"
            " VALUES (%(id)s, 1, 1, 'error', %(error)s)",
            {"id": inserted[0], "error": '{"kind": "E", "message": "boom", "trace": "line 1"}'},
        )

    ran = flask_cli("jobs", "show", str(inserted[0]), "--json")

    assert ran.output.count("line 1") == 1
    assert ran.json["attempts"][0]["outcome"] == "error"


def test_update_changes_waiting_jobs(flask_cli, inserted):
    words = ("--priority", "0", "--tag-with", "vip")
    assert flask_cli("jobs", "update", str(inserted[0]), *words).exit_code == 0
    shown = flask_cli("jobs", "show", str(inserted[0]), "--json").json

    assert (shown["priority"], shown["tags"]) == (0, ["vip"])
    assert "Give --priority" in flask_cli("jobs", "update", str(inserted[0])).errors


def test_show_of_an_unknown_job_says_so(flask_cli):
    ran = flask_cli("jobs", "show", "999")

    assert ran.exit_code == 1
    assert "job 999 does not exist" in ran.errors


def test_cancel_then_retry_by_id(flask_cli, engine, inserted):
    one = str(inserted[0])

    assert flask_cli("jobs", "cancel", one, "--reason", "not needed").exit_code == 0
    assert states(engine)[inserted[0]] == "cancelled"

    assert flask_cli("jobs", "retry", one).exit_code == 0
    assert states(engine)[inserted[0]] == "available"


def test_a_bulk_verb_does_not_act_when_nobody_can_answer(flask_cli, engine, inserted):
    ran = flask_cli("jobs", "cancel", "--kind", "send_email")

    assert ran.exit_code == 2
    assert "3 jobs will be cancelled" in ran.errors
    assert "--yes" in ran.errors
    assert "cancelled" not in states(engine).values()


def test_a_dry_run_counts_and_changes_nothing(flask_cli, engine, inserted):
    ran = flask_cli("jobs", "cancel", "--tag", "monthly", "--dry-run", "--json")

    assert ran.json["count"] == 3
    assert ran.json["dry_run"] is True
    assert "cancelled" not in states(engine).values()


def test_a_bulk_verb_with_yes_acts_on_the_filter_alone(flask_cli, engine, inserted):
    ran = flask_cli("jobs", "delete", "--kind", "send_email", "--yes", "--json")

    assert ran.json["count"] == 3
    assert list(states(engine)) == [inserted[3]]


def test_a_verb_without_ids_or_filter_is_refused(flask_cli, engine, inserted):
    ran = flask_cli("jobs", "delete", "--yes")

    assert ran.exit_code == 2
    assert "Give job ids, or a filter" in ran.errors
    assert len(states(engine)) == 4


def test_a_job_that_cannot_be_touched_is_named_and_the_exit_code_is_1(flask_cli, inserted):
    ran = flask_cli("jobs", "retry", str(inserted[0]), "999")

    assert ran.exit_code == 1
    assert "job 999:" in ran.errors


def test_run_now_makes_a_scheduled_job_due(flask_cli, engine, inserted):
    assert flask_cli("jobs", "run-now", str(inserted[3])).exit_code == 0

    assert states(engine)[inserted[3]] == "available"


def test_insert_is_unique_and_says_so(flask_cli):
    words = ("jobs", "insert", "process_payment", "--args", '{"payment_id": "pay_7"}', "--json")

    first, second = flask_cli(*words).json, flask_cli(*words).json

    assert first["conflict"] is False
    assert second == {**first, "conflict": True}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("{", "no JSON"),
        ("[]", "a JSON object is needed"),
        ('{"payment": "pay_7"}', "payment"),
        ('{"payment_id": 7}', "payment_id"),
    ],
)
def test_insert_with_wrong_arguments_says_what_is_right(flask_cli, args, message):
    ran = flask_cli("jobs", "insert", "process_payment", "--args", args)

    assert ran.exit_code == 2
    assert message in ran.errors
    assert 'Right: {"payment_id": "…"}' in ran.errors
    assert flask_cli("jobs", "list", "--json").json == []


def test_insert_of_an_unknown_kind_names_the_known_ones(flask_cli):
    ran = flask_cli("jobs", "insert", "process_paiment")

    assert ran.exit_code == 2
    assert "process_payment" in ran.errors
