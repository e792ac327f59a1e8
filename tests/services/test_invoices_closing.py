"""Void and uncollectible: only without live money, and the books follow."""

import pytest
from sqlalchemy import case, func, select

from payments_app.domain.errors import Invalid, InvalidTransition, PaymentInProgress
from payments_app.domain.invoice import InvoiceStatus
from payments_app.domain.ledger import Account, LedgerTransfer
from payments_app.domain.transition import Transition
from payments_app.services import invoices, payments
from tests.support.business import NOW, an_open_invoice

VERBS = [
    (invoices.void, InvoiceStatus.VOID),
    (invoices.give_up, InvoiceStatus.UNCOLLECTIBLE),
]
each_verb = pytest.mark.parametrize(("close", "status"), VERBS, ids=["void", "give_up"])


def balance(session, account: Account) -> int:
    signed = case(
        (LedgerTransfer.debit_account == account, LedgerTransfer.amount_minor),
        (LedgerTransfer.credit_account == account, -LedgerTransfer.amount_minor),
        else_=0,
    )
    return int(session.scalar(select(func.coalesce(func.sum(signed), 0))))


@each_verb
def test_an_open_invoice_is_closed_with_its_reason_in_the_log(session, close, status):
    invoice = an_open_invoice(session)

    close(session, invoice.id, reason="Sent twice", now=NOW)

    assert invoice.status is status
    last = session.execute(
        select(Transition).where(Transition.aggregate_id == invoice.id).order_by(Transition.id)
    ).scalars()
    assert [(row.to_state, row.reason) for row in last][-1] == (str(status), "Sent twice")


@each_verb
def test_closing_twice_is_closing_once(session, close, status):
    invoice = an_open_invoice(session)
    close(session, invoice.id, reason="Once", now=NOW)

    close(session, invoice.id, reason="Twice", now=NOW)

    assert invoice.status is status


@each_verb
def test_a_reason_is_required(session, close, status):
    invoice = an_open_invoice(session)

    with pytest.raises(Invalid) as refused:
        close(session, invoice.id, reason=" ", now=NOW)

    assert refused.value.field == "reason"
    assert invoice.status is InvoiceStatus.OPEN


@each_verb
def test_a_live_payment_forbids_it_because_it_may_still_capture(session, close, status):
    invoice = an_open_invoice(session)
    payment = payments.request_payment(session, invoice.id, payment_method="pm_card_visa", now=NOW)

    with pytest.raises(PaymentInProgress, match=payment.id):
        close(session, invoice.id, reason="Sent twice", now=NOW)


def test_void_takes_the_posting_back_and_keeps_the_number(session):
    invoice = an_open_invoice(session, tax_rate="20")
    assert balance(session, Account.RECEIVABLE) == 14_400

    invoices.void(session, invoice.id, reason="Sent twice", now=NOW)

    assert [balance(session, account) for account in Account] == [0] * len(Account)
    assert (invoice.number, invoice.due_minor) == ("INV-000001", 0)


def test_giving_up_keeps_the_claim_in_the_books(session):
    invoice = an_open_invoice(session)

    invoices.give_up(session, invoice.id, reason="Bankrupt", now=NOW)

    assert balance(session, Account.RECEIVABLE) == 12_000
    assert invoice.due_minor == 12_000


def test_a_partly_paid_invoice_cannot_be_voided(session):
    invoice = an_open_invoice(session)
    invoice.allocated_minor = 1
    session.flush()

    with pytest.raises(InvalidTransition, match="partly paid"):
        invoices.void(session, invoice.id, reason="Sent twice", now=NOW)


def test_a_voided_invoice_can_neither_be_sent_nor_given_up(session):
    invoice = an_open_invoice(session)
    invoices.void(session, invoice.id, reason="Sent twice", now=NOW)

    with pytest.raises(InvalidTransition):
        invoices.request_finalize(session, invoice.id, now=NOW)
    with pytest.raises(InvalidTransition):
        invoices.give_up(session, invoice.id, reason="Bankrupt", now=NOW)


def test_the_customer_of_a_voided_invoice_can_still_read_that_it_is_void(session):
    invoice = an_open_invoice(session)
    invoices.void(session, invoice.id, reason="Sent twice", now=NOW)

    found = invoices.by_token(session, invoice.public_token, now=NOW)

    assert found.status is InvoiceStatus.VOID
