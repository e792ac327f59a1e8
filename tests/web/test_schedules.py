"""Periodic jobs on a page: when they fire, what became of the last, and the operator's verbs."""

import pytest

from payments_app.domain.access import Role
from payments_app.jobs import Reconcile
from payments_app.web.operations.schedules import in_words
from queue_core import Cron, control
from tests.web.browser import words


def test_an_operator_pauses_runs_and_resumes_a_periodic_job(browser_of, sessions):
    operator, viewer = browser_of(Role.OPERATOR), browser_of(Role.VIEWER)
    assert "No periodic jobs yet" in words(operator.get("/operations/schedules"))
    with sessions.begin() as session:
        control.add_cron(session, Cron("nightly", "30 3 * * *", Reconcile()))
    page = "/operations/schedules"
    assert "every day at 03:30" in words(operator.get(page))

    operator.submit(f"{page}/nightly/pause")
    assert "not while paused" in words(operator.get(page))
    operator.submit(f"{page}/nightly/run_now")
    shown = words(operator.get(page))
    assert "runs now, as job" in shown
    assert "just now job" in shown
    operator.submit(f"{page}/nightly/resume")

    assert "nightly fires again" in words(operator.get(page))
    assert viewer.submit(f"{page}/nightly/pause").status_code == 403
    assert "Run now" not in words(viewer.get(page))


def test_an_unknown_name_is_a_message_and_no_error(browser_of):
    operator = browser_of(Role.OPERATOR)

    answer = operator.submit("/operations/schedules/never/pause")

    assert "is unknown" in words(operator.get(answer.headers["Location"]))


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("* * * * *", "every minute"),
        ("*/5 * * * *", "every 5 minutes"),
        ("17 * * * *", "every hour, 17 min past"),
        ("5 14 * * *", "every day at 14:05"),
        ("0 9 * * 1-5", None),
    ],
)
def test_usual_expressions_are_said_in_words_and_others_left_alone(expression, said):
    assert in_words(expression) == said
