"""Finalising: one number, one posting, one frozen document, in one commit or not at all."""

import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from payments_app.domain.errors import (
    Invalid,
    InvalidAmount,
    InvalidTransition,
    NotFound,
    VersionConflict,
)
from payments_app.domain.invoice import Invoice, InvoiceStatus
from payments_app.domain.ledger import LedgerPosting, LedgerTransfer
from payments_app.services import customers, invoices
from payments_app.services.invoices import LineDraft
from tests.support.business import NOW, a_customer, an_open_invoice
from tests.support.locks import wait_for_a_lock


def a_draft(session, *lines, **changes) -> Invoice:
    customer = a_customer(session)
    lines = lines or (LineDraft("Work", Decimal("1.5"), 10_000, Decimal(20)),)
    return invoices.create_draft(
        session, customer_id=customer.id, currency="USD", lines=lines, now=NOW, **changes
    )


def asked(session, *lines, **changes) -> Invoice:
    return invoices.request_finalize(session, a_draft(session, *lines, **changes).id, now=NOW)


def jobs(session) -> int:
    return session.connection().exec_driver_sql("SELECT count(*) FROM queue.jobs").scalar_one()


def test_a_finalised_invoice_is_open_numbered_dated_and_posted(session):
    made = asked(
        session,
        LineDraft("Work", Decimal("1.5"), 10_000, Decimal(20)),
        LineDraft("Books", Decimal(1), 5_000, Decimal(7)),
        LineDraft("Stamps", Decimal(1), 100, Decimal(0)),
    )

    invoice = invoices.finalize(session, made.id, now=NOW)

    assert (invoice.status, invoice.number) == (InvoiceStatus.OPEN, "INV-000001")
    assert (invoice.issue_date, invoice.due_date) == (date(2026, 11, 23), date(2026, 12, 23))
    assert (invoice.finalized_at, invoice.total_minor) == (NOW, 20_100 + 3_000 + 350)
    transfers = session.execute(
        select(
            LedgerTransfer.debit_account, LedgerTransfer.credit_account, LedgerTransfer.amount_minor
        ).order_by(LedgerTransfer.amount_minor)
    ).all()
    assert [tuple(map(str, row)) for row in transfers] == [
        ("receivable", "tax", "350"),
        ("receivable", "tax", "3000"),
        ("receivable", "revenue", "20100"),
    ]


def test_the_document_is_frozen_with_all_that_the_pdf_needs(session):
    made = asked(session, memo="Thanks")
    invoice = invoices.finalize(session, made.id, now=NOW)
    customers.change(session, invoice.customer_id, name="Renamed Ltd")
    session.expire_all()

    document = invoices.get(session, made.id).document

    assert document is not None
    assert document["number"] == "INV-000001"
    assert document["customer"]["name"] == "Ada Ltd"
    assert document["seller"]["name"]
    assert document["lines"] == [
        {
            "description": "Work",
            "quantity": "1.5",
            "unit_amount_minor": 10_000,
            "tax_rate": "20",
            "amount_minor": 15_000,
        }
    ]
    assert document["tax_groups"] == [{"rate": "20", "base_minor": 15_000, "tax_minor": 3_000}]
    assert (document["total_minor"], document["memo"]) == (18_000, "Thanks")
    assert document["frozen_at"] == int(NOW.timestamp())


def test_finalising_again_changes_nothing(session):
    made = asked(session)
    first = invoices.finalize(session, made.id, now=NOW)
    document, version = first.document, first.version

    again = invoices.finalize(session, made.id, now=NOW + timedelta(days=3))

    assert (again.number, again.version, again.finalized_at) == ("INV-000001", version, NOW)
    assert again.document == document
    assert session.scalar(select(func.count()).select_from(LedgerPosting)) == 1


def test_asking_twice_leaves_one_job_and_asking_when_open_none(session):
    draft = a_draft(session)
    for _ in range(3):
        invoices.request_finalize(session, draft.id, now=NOW)
    assert jobs(session) == 1

    sent = an_open_invoice(session)
    before = jobs(session)
    invoices.request_finalize(session, sent.id, now=NOW)

    assert jobs(session) == before


def test_a_total_that_cards_cannot_be_charged_is_refused_before_a_number(session):
    made = a_draft(session, LineDraft("Work", Decimal(1), 1_234, Decimal(0)))
    made.currency = "KWD"  # as one that was written before this was asked
    session.flush()

    with pytest.raises(InvalidAmount, match="Right would be") as refused:
        invoices.request_finalize(session, made.id, now=NOW)

    assert refused.value.field == "lines"
    assert made.finalize_requested_at is None


def test_nothing_to_pay_is_refused_when_asked_and_when_done(session):
    free = a_draft(session, LineDraft("Gift", Decimal(1), 100, Decimal(20)))
    free.total_minor = 0  # A draft of the days when nothing refused it while it was written.
    with pytest.raises(InvalidAmount, match="zero") as refused:
        invoices.request_finalize(session, free.id, now=NOW)
    assert refused.value.field == "lines"

    free.finalize_requested_at = NOW
    session.flush()
    with pytest.raises(InvalidAmount):
        invoices.finalize(session, free.id, now=NOW)
    assert (free.status, free.number) == (InvoiceStatus.DRAFT, None)


def test_a_due_date_that_has_passed_since_is_refused(session):
    draft = a_draft(session, due_date=NOW.date())

    with pytest.raises(Invalid) as refused:
        invoices.request_finalize(session, draft.id, now=NOW + timedelta(days=1))

    assert refused.value.field == "due_date"


def test_a_customer_archived_meanwhile_is_refused(session):
    made = asked(session)
    customers.archive(session, made.customer_id, now=NOW)

    with pytest.raises(Invalid) as refused:
        invoices.finalize(session, made.id, now=NOW)

    assert refused.value.field == "customer_id"


def test_a_draft_that_nobody_asked_to_send_stays_a_draft(session):
    draft = a_draft(session)

    with pytest.raises(InvalidTransition):
        invoices.finalize(session, draft.id, now=NOW)


def test_a_withdrawn_draft_can_be_changed_and_sent_after_all(session):
    made = asked(session)
    invoices.withdraw_finalize(session, made.id)

    invoices.change_draft(
        session, made.id, customer_id=made.customer_id, currency="EUR",
        lines=[LineDraft("Other", Decimal(1), 700, Decimal(0))], now=NOW,
    )  # fmt: skip
    invoices.request_finalize(session, made.id, now=NOW)

    assert invoices.finalize(session, made.id, now=NOW).total_minor == 700


def test_withdrawing_leaves_a_sent_invoice_alone(session):
    sent = an_open_invoice(session)

    invoices.withdraw_finalize(session, sent.id)

    assert (sent.status, sent.finalize_requested_at) == (InvoiceStatus.OPEN, NOW)


def test_an_unknown_invoice_is_not_found(session):
    for verb in (invoices.request_finalize, invoices.finalize):
        with pytest.raises(NotFound, match="inv_none"):
            verb(session, "inv_none", now=NOW)


def test_the_database_refuses_to_change_what_was_sent(session):
    sent = an_open_invoice(session)
    for column, value in (("total_minor", "1"), ("number", "'X'"), ("document", "'{}'")):
        with pytest.raises(IntegrityError, match="numbered"), session.begin_nested():
            session.connection().exec_driver_sql(
                f"UPDATE invoices SET {column} = {value} WHERE id = '{sent.id}'"
            )
    with pytest.raises(IntegrityError, match="numbered"), session.begin_nested():
        session.connection().exec_driver_sql("UPDATE invoice_lines SET quantity = 2")


def test_the_public_link_opens_until_a_quarter_after_the_due_date(session):
    sent = an_open_invoice(session)
    end = datetime(2026, 12, 23, 23, 59, 59, 999_999, UTC) + timedelta(days=90)

    assert invoices.by_token(session, sent.public_token, now=NOW).id == sent.id
    assert sent.public_token_expires_at == end
    for token, now in ((sent.public_token, end), ("wrong", NOW), ("", NOW)):
        with pytest.raises(NotFound):
            invoices.by_token(session, token, now=now)


def test_the_link_of_a_draft_opens_nothing(session):
    with pytest.raises(NotFound):
        invoices.by_token(session, a_draft(session).public_token, now=NOW)


def test_a_draft_given_to_another_customer_at_that_moment_is_refused_and_can_be_asked_again(
    sessions,
):
    with sessions.begin() as session:
        draft, other = a_draft(session), a_customer(session, name="Bob Ltd")
    refusals = []

    def ask() -> None:
        try:
            with sessions.begin() as session:
                invoices.request_finalize(session, draft.id, now=NOW)
        except VersionConflict as refusal:
            refusals.append(refusal)

    thread = threading.Thread(target=ask)
    with sessions() as editor:
        invoices.change_draft(
            editor, draft.id, customer_id=other.id, currency="USD",
            lines=[LineDraft("Work", Decimal(1), 500, Decimal(0))], now=NOW,
        )  # fmt: skip
        thread.start()
        wait_for_a_lock(sessions)
        editor.commit()
    thread.join(20)

    assert len(refusals) == 1
    with sessions.begin() as session:
        invoices.request_finalize(session, draft.id, now=NOW)


def test_two_jobs_at_once_give_one_number(sessions):
    with sessions.begin() as session:
        invoice_id = asked(session).id
    both = threading.Barrier(2)
    numbers = []

    def work() -> None:
        with sessions.begin() as session:
            both.wait(10)
            numbers.append(invoices.finalize(session, invoice_id, now=NOW).number)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert numbers == ["INV-000001", "INV-000001"]
    with sessions.begin() as session:
        assert session.scalar(select(func.count()).select_from(LedgerPosting)) == 1
