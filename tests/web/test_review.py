"""The decision page: both sides, the open choices, a reason, a second yes before money moves."""

import pytest

from payments_app.domain.access import Role
from payments_app.domain.payment import PaymentStatus
from payments_app.domain.refund import RefundStatus
from payments_app.gateway.port import IntentStatus, Rejected
from tests.services.test_refund_protocol import start
from tests.support.conversation import Conversation
from tests.web.browser import Browser, field, words
from tests.web.conftest import BrowserOf

REFUSED = Rejected(401, "authentication_error", "Invalid API key.")


@pytest.fixture
def parked(talk: Conversation) -> Conversation:
    """The gateway took half of what was asked for."""
    talk.confirm_sent()
    talk.hear(talk.intent(IntentStatus.SUCCEEDED, charge="ch_7", captured_minor=6_000))
    return talk


def test_money_is_recorded_after_a_second_yes_and_with_the_persons_name(
    browser_of: BrowserOf, parked: Conversation
):
    operator = browser_of(Role.OPERATOR)
    assert "the gateway took another amount" in words(operator.get("/review")).lower()
    path = f"/payments/{parked.payment_id}/review"
    page = operator.get(path)
    assert "Captured $60.00" in words(page)
    said = {"decision": "record", "reason": "half of it", "reference": "ch_7"}
    said["version"] = field(page, "version")

    asked = operator.submit(path, said)
    assert "Record what the gateway captured: sure?" in words(asked)
    assert parked.payment.status is PaymentStatus.NEEDS_REVIEW
    answer = operator.submit(path, said | {"confirmed": "yes"})

    assert answer.status_code == 303
    assert (parked.payment.status, parked.payment.captured_minor) == ("completed", 6_000)
    assert "because: half of it" in words(operator.get(answer.headers["Location"]))
    assert "Nothing needs a decision" in words(operator.get("/review"))


@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({"decision": ""}, 422, "Choose what is to be done."),
        ({"reason": " "}, 422, "Enter a reason."),
        ({"version": "0"}, 409, "changed while you were looking"),
        ({"version": "x"}, 409, "Look at it again"),
        ({"decision": "give_up"}, 409, "no decision for this"),
        ({"decision": "record", "confirmed": "yes", "reference": "ch_1"}, 422, "charge's id"),
    ],
)
def test_a_decision_that_is_not_open_changes_nothing(owner, parked, changed, status, said):
    path = f"/payments/{parked.payment_id}/review"
    form = {"decision": "stop", "reason": "no", "version": field(owner.get(path), "version")}

    answer = owner.submit(path, form | changed)

    assert answer.status_code == status
    assert said in words(answer)
    assert parked.payment.status is PaymentStatus.NEEDS_REVIEW


def test_a_refund_is_decided_about_from_its_payments_page(owner: Browser, paid: Conversation):
    talk = start(paid, 4_000)
    talk.turn(REFUSED)
    assert "Decide about this refund" in words(owner.get(f"/payments/{paid.payment_id}"))
    path = f"/refunds/{talk.refund_id}/review"
    page = owner.get(path)
    assert "refused our request (authentication_error)" in words(page)
    said = {"decision": "resume", "reason": "key set", "version": field(page, "version")}

    owner.submit(path, said | {"confirmed": "yes"})

    assert talk.refund.status is RefundStatus.PROCESSING


def test_what_is_not_in_review_has_no_decision(owner: Browser, paid: Conversation):
    page = words(owner.get(f"/payments/{paid.payment_id}/review"))

    assert "Nobody needs to decide about this any more." in page
