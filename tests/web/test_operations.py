"""Queues, jobs and workers on pages: seen by many, acted on by operators."""

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from payments_app.domain.access import Role
from queue_core import control
from tests.support.conversation import Conversation
from tests.web.browser import Browser, words
from tests.web.conftest import BrowserOf


@pytest.fixture
def operator(browser_of: BrowserOf) -> Browser:
    return browser_of(Role.OPERATOR)


@pytest.fixture
def job_id(talk: Conversation, sessions: sessionmaker[Session]) -> int:
    """The waiting job of a new payment."""
    with sessions() as session:
        found = session.execute(text("SELECT id FROM queue.jobs WHERE kind = 'process_payment'"))
        return int(found.scalar_one())


def test_queues_show_what_waits_and_that_nobody_works(operator: Browser, job_id: int):
    page = words(operator.get("/operations/queues"))

    assert "payments 0 running, 1 waiting, 0 done Active" in page
    assert "process_payment" in page
    assert "No worker is alive" in page


def test_an_operator_pauses_and_resumes_a_queue(operator: Browser, sessions: sessionmaker[Session]):
    operator.submit("/operations/queues/payments/pause")
    assert "0 done Paused" in words(operator.get("/operations/queues"))

    operator.submit("/operations/queues/payments/resume")
    assert "0 done Paused" not in words(operator.get("/operations/queues"))
    with sessions() as session:
        log = session.execute(text("SELECT actor, action FROM queue.operator_log ORDER BY id"))
        rows = log.all()
    assert [row.action for row in rows] == ["pause", "resume"]
    assert all(row.actor.startswith("user:usr_") for row in rows)


def test_an_unknown_queue_is_a_message_and_no_error(operator: Browser):
    answer = operator.submit("/operations/queues/nosuch/pause")

    assert answer.status_code == 303
    assert "unknown; known are" in words(operator.get("/operations/queues"))


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "many", ""])
def test_a_limit_out_of_bounds_is_refused(operator: Browser, limit: str):
    operator.submit("/operations/queues/payments/limit", {"limit": limit})

    assert "from 1 to 1000" in words(operator.get("/operations/queues"))


def test_a_limit_is_set(operator: Browser, sessions: sessionmaker[Session]):
    operator.submit("/operations/queues/payments/limit", {"limit": "3"})

    with sessions() as session:
        queues = {queue["name"]: queue for queue in control.list_queues(session)}
    assert queues["payments"]["process_limit"] == 3


def test_jobs_are_filtered_by_state_queue_and_kind(operator: Browser, job_id: int):
    assert "process_payment" in words(operator.get("/operations/jobs?state=available"))
    assert "No job matches" in words(operator.get("/operations/jobs?state=discarded"))
    assert "No job matches" in words(operator.get("/operations/jobs?queue=emails"))
    assert "process_payment" in words(operator.get("/operations/jobs?kind=process_payment"))
    assert operator.get("/operations/jobs?state=nonsense&before=x").status_code == 200


def test_a_job_shows_its_arguments_and_what_it_is_about(
    operator: Browser, job_id: int, talk: Conversation
):
    page = operator.get(f"/operations/jobs/{job_id}")

    assert talk.payment_id in words(page)
    assert f'href="/payments/{talk.payment_id}"' in page.text


def test_a_cancelled_job_can_be_retried(operator: Browser, job_id: int):
    operator.submit(f"/operations/jobs/{job_id}/cancel")
    assert "Cancelled" in words(operator.get(f"/operations/jobs/{job_id}"))

    operator.submit(f"/operations/jobs/{job_id}/retry")

    assert "Available" in words(operator.get(f"/operations/jobs/{job_id}"))


def test_an_act_that_came_too_late_is_a_message_and_no_error(operator: Browser, job_id: int):
    operator.submit(f"/operations/jobs/{job_id}/cancel")

    answer = operator.submit(f"/operations/jobs/{job_id}/cancel")

    assert answer.status_code == 303
    assert "was left alone" in words(operator.get(answer.headers["Location"]))


def test_a_job_that_is_not_there_is_not_found(operator: Browser):
    assert operator.get("/operations/jobs/999999").status_code == 404
    assert operator.get("/operations/jobs/99999999999999999999999").status_code == 404


def test_an_owner_reads_and_does_not_act(browser_of: BrowserOf, job_id: int):
    owner = browser_of(Role.OWNER)

    page = words(owner.get(f"/operations/jobs/{job_id}"))

    assert "Cancel job" not in page
    assert "need the role operator" in page
