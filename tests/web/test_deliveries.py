"""Endpoints and deliveries on a page and at the command line."""

import re

from sqlalchemy import text

from payments_app.domain.access import Role
from tests.support.conversation import Conversation
from tests.web.browser import words


def test_an_owner_adds_an_endpoint_and_an_operator_sends_again(browser_of, sessions):
    owner, operator = browser_of(Role.OWNER), browser_of(Role.OPERATOR)
    assert "Nobody is told anything" in words(owner.get("/operations/deliveries"))
    assert owner.submit("/operations/deliveries", {"url": "nowhere"}).status_code == 422

    answer = owner.submit("/operations/deliveries", {"url": "https://a.example/hook"})
    shown = words(owner.get(answer.headers["Location"]))
    assert re.search(r"whsec_[A-Za-z0-9+/=]{44}", shown)
    assert "whsec_" not in words(owner.get("/operations/deliveries"))
    Conversation.about_a_new_payment(sessions)
    assert "payment.pending" in words(operator.get("/operations/deliveries?tab=pending"))
    with sessions() as session:
        delivery = session.execute(text("SELECT min(id) FROM webhook_deliveries")).scalar_one()
        endpoint = session.execute(text("SELECT id FROM webhook_endpoints")).scalar_one()
    again = operator.submit(f"/operations/deliveries/{delivery}/replay")

    assert "It is being sent again" in words(operator.get(again.headers["Location"]))
    owner.submit(f"/operations/deliveries/endpoints/{endpoint}/disable")
    late = operator.submit(f"/operations/deliveries/{delivery}/replay")
    assert "Its endpoint is disabled" in words(operator.get(late.headers["Location"]))
