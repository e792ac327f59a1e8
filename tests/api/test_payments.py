"""Payments and refunds over HTTP: what is accepted, shown and refused."""

import pytest
from sqlalchemy import func, select, text

from payments_app.domain.attempt import PaymentAttempt
from payments_app.domain.payment import Payment
from payments_app.domain.transition import Transition
from tests.api import worlds
from tests.api.support import CARD, Api, fields, new_key, refusal


def test_a_payment_is_accepted_and_its_job_exists(api: Api, invoice, sessions):
    accepted = api.pay(invoice)

    assert accepted.status_code == 202
    assert accepted.headers["Location"] == f"/api/v1/payments/{accepted.json['id']}"
    expected = {
        "status": "pending",
        "invoice_id": invoice["id"],
        "amount_minor": 11900,
        "currency": "EUR",
        "captured_minor": 0,
        "refunded_minor": 0,
        "gateway_intent_id": None,
        "failure_code": None,
        "attempts": [],
    }
    assert {name: accepted.json[name] for name in expected} == expected
    assert api.get(f"/payments/{accepted.json['id']}").json == accepted.json
    with sessions() as session:
        jobs = session.execute(text("SELECT kind, args ->> 'payment_id' FROM queue.jobs")).all()
    assert ("process_payment", accepted.json["id"]) in [tuple(job) for job in jobs]


def test_part_of_what_is_due_can_be_paid(api: Api, invoice):
    assert api.pay(invoice, amount_minor=1000).json["amount_minor"] == 1000


def test_more_than_is_due_is_refused_with_what_is_due(api: Api, invoice):
    problem = refusal(api.pay(invoice, amount_minor=11901), 422, "invalid_amount")

    assert fields(problem) == ["amount_minor"]
    assert "119.00" in problem["detail"]


def test_an_amount_that_cards_cannot_be_charged_is_refused_with_what_could_be(
    api: Api, customer, change
):
    draft = api.post("/invoices", api.an_invoice(customer, currency="KWD")).json
    invoice = worlds.an_open_invoice(api, draft, change)

    problem = refusal(api.pay(invoice, amount_minor=1_234), 422, "invalid_amount")

    assert fields(problem) == ["amount_minor"]
    assert "Right would be KWD\xa01.230 or KWD\xa01.240." in problem["detail"]
    assert api.pay(invoice, amount_minor=1_230).status_code == 202


def test_an_old_invoice_that_cards_cannot_be_charged_says_what_to_do(
    api: Api, customer, change, sessions
):
    draft = api.post("/invoices", api.an_invoice(customer, currency="KWD")).json
    invoice = worlds.an_open_invoice(api, draft, change)
    with sessions.begin() as session:
        # As it could be sent before totals were checked.
        session.execute(text("ALTER TABLE invoices DISABLE TRIGGER USER"))
        session.execute(text("UPDATE invoices SET total_minor = total_minor + 4"))
        session.execute(text("ALTER TABLE invoices ENABLE TRIGGER USER"))

    for asked in (api.pay(invoice), api.pay(invoice, amount_minor=1_230)):
        problem = refusal(asked, 422, "invalid_amount")
        assert fields(problem) == ["amount_minor"]
        assert "Void this invoice" in problem["detail"]


def test_a_draft_cannot_be_paid(api: Api, draft, sessions):
    problem = refusal(api.pay(draft), 409, "invoice_not_open")

    assert "draft" in problem["detail"]
    with sessions() as session:
        assert session.scalar(select(func.count(Payment.id))) == 0


def test_a_second_payment_is_refused_while_the_first_is_under_way(api: Api, invoice, payment):
    problem = refusal(api.pay(invoice), 409, "payment_in_progress")

    assert payment["id"] in problem["detail"]


def test_the_log_says_which_key_acted_in_which_request(api: Api, invoice, sessions):
    paid = api.post(
        f"/invoices/{invoice['id']}/payments",
        {"payment_method": CARD},
        key=new_key(),
        headers={"X-Request-Id": "order-77"},
    )

    with sessions() as session:
        made = session.scalars(
            select(Transition).where(Transition.aggregate_id == paid.json["id"])
        ).one()
    assert made.request_id == "order-77"
    assert made.actor is not None
    assert made.actor.startswith("api:key_")


def test_cancelling_is_accepted_with_and_without_a_key(api: Api, payment):
    path = f"/payments/{payment['id']}/cancel"

    first, second = api.post(path), api.post(path, key=new_key())

    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json["id"] == payment["id"]


def test_a_cancel_may_ask_for_the_money_back_if_the_bank_was_faster(api: Api, payment):
    path = f"/payments/{payment['id']}/cancel"

    assert api.post(path, {}).json["refund_if_captured"] is False
    assert api.post(path, {"refund_if_captured": True}).json["refund_if_captured"] is True
    assert refusal(api.post(path, {"refund_if_captured": "yes"}), 422, "invalid")


def test_a_payment_that_ended_cannot_be_cancelled(api: Api, completed):
    refusal(api.post(f"/payments/{completed['id']}/cancel"), 409, "payment_not_cancellable")


def test_another_card_is_taken_after_a_soft_decline_and_only_then(api: Api, payment, change):
    path = f"/payments/{payment['id']}/card"
    refusal(api.post(path, {"payment_method": CARD}), 409, "payment_in_progress")

    def decline(session, now):
        row = session.get_one(Payment, payment["id"])
        row.move("begin")
        row.gateway_intent_id = "pi_1"
        row.attempts.append(PaymentAttempt(n=1, payment_method=CARD, sent_at=now))
        session.flush()
        row.attempts[0].decline_code = "insufficient_funds"
        row.attempts[0].move("decline")

    change(decline)
    taken = api.post(path, {"payment_method": "pm_card_mastercard"})

    assert taken.status_code == 202
    assert taken.json["payment_method"] == "pm_card_mastercard"
    [attempt] = taken.json["attempts"]
    assert (attempt["n"], attempt["status"]) == (1, "declined")
    assert attempt["decline_code"] == "insufficient_funds"


def test_payments_are_listed_for_their_invoice_and_by_status(api: Api, invoice, payment):
    for path in (
        f"/invoices/{invoice['id']}/payments",
        "/payments?status=pending",
        f"/payments?invoice_id={invoice['id']}",
        f"/payments?customer_id={payment['customer_id']}",
    ):
        assert [row["id"] for row in api.get(path).json["data"]] == [payment["id"]], path
    assert api.get("/payments?status=failed").json == {"data": [], "next_cursor": None}


def test_a_refund_of_a_completed_payment_is_accepted(api: Api, completed):
    accepted = api.refund(completed, 1900)

    assert accepted.status_code == 202
    expected = {
        "status": "requested",
        "amount_minor": 1900,
        "currency": "EUR",
        "payment_id": completed["id"],
    }
    assert {name: accepted.json[name] for name in expected} == expected
    assert accepted.headers["Location"] == f"/api/v1/refunds/{accepted.json['id']}"
    assert api.get(f"/refunds/{accepted.json['id']}").json == accepted.json
    listed = api.get(f"/payments/{completed['id']}/refunds").json["data"]
    assert [row["id"] for row in listed] == [accepted.json["id"]]


def test_more_than_was_captured_is_never_refunded(api: Api, completed):
    refusal(api.refund(completed, 11901), 422, "refund_exceeds_payment")

    assert api.get(f"/payments/{completed['id']}").json["refundable_minor"] == 11900


def test_one_refund_at_a_time(api: Api, completed):
    api.refund(completed, 1000)

    refusal(api.refund(completed, 1000), 409, "refund_in_progress")


def test_a_payment_that_was_not_captured_has_nothing_to_refund(api: Api, payment):
    refusal(api.refund(payment, 1000), 409, "payment_not_refundable")


@pytest.mark.parametrize("kind", ["payments/pay", "refunds/rfd", "invoices/inv", "customers/cus"])
def test_what_does_not_exist_is_not_found(api: Api, kind):
    refusal(api.get(f"/{kind}_{'0' * 32}"), 404, "not_found")
