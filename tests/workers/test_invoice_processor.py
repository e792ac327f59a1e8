"""Sending an invoice: one number, one posting, one document, one mail, wherever it crashes."""

import threading
from decimal import Decimal

import pytest
from sqlalchemy import func, select, text

from payments_app import clock
from payments_app.domain.document import Document, StoredFile
from payments_app.domain.email import EmailDelivery, EmailStatus
from payments_app.domain.invoice import Invoice, InvoiceStatus, NumberSeries
from payments_app.domain.ledger import LedgerPosting
from payments_app.domain.transition import Transition
from payments_app.jobs import FinalizeInvoice, SendEmail
from payments_app.services import customers, documents, invoices
from payments_app.services.invoices import LineDraft
from queue_core import Cancel, Error, LeaseLost
from tests.support import performing
from tests.support.business import a_customer
from tests.support.locks import wait_for_a_lock
from tests.support.perform_once import killed_at
from workers.invoice_processor import InvoiceProcessor

WORKER = InvoiceProcessor(base_url="https://pay.example/")


def a_requested_invoice(session, unit: int = 10_000) -> str:
    now = clock.now(session)
    line = LineDraft("Work", Decimal("1.5"), unit, Decimal(20))
    draft = invoices.create_draft(
        session, customer_id=a_customer(session).id, currency="USD", lines=[line], now=now
    )
    return invoices.request_finalize(session, draft.id, now=now).id


@pytest.fixture
def invoice_id(sessions) -> str:
    with sessions.begin() as session:
        return a_requested_invoice(session)


def assert_sent_once(sessions, engine, invoice_id: str) -> None:
    """I12 and I11 for one invoice: each effect exists once, and the series has no hole."""
    with sessions() as session:
        invoice = invoices.get(session, invoice_id)
        assert (invoice.status, invoice.number) == (InvoiceStatus.OPEN, "INV-000001")
        assert session.scalar(select(NumberSeries.next_value).filter_by(name="invoice")) == 2
        for table in (LedgerPosting, Document, StoredFile, EmailDelivery):
            assert session.scalar(select(func.count()).select_from(table)) == 1, table
        mail = session.execute(select(EmailDelivery)).scalar_one()
        stored = documents.get(session, subject_id=invoice_id, kind="invoice")
        assert mail.document_hash == stored.hash
        moves = session.scalars(
            select(Transition.to_state)
            .where(Transition.aggregate_id == invoice_id)
            .order_by(Transition.id)
        ).all()
        assert moves == ["draft", "open"]
    assert performing.unfinished(engine, FinalizeInvoice) == 0
    assert performing.unfinished(engine, SendEmail) == 1


def test_a_requested_invoice_is_numbered_stored_and_queued_for_mail(sessions, engine, invoice_id):
    job = performing.claim(engine, FinalizeInvoice)

    assert WORKER.perform(job) is None

    assert performing.ended_as(engine, job) == "completed"
    assert_sent_once(sessions, engine, invoice_id)
    with sessions() as session:
        invoice = invoices.get(session, invoice_id)
        mail = session.execute(select(EmailDelivery)).scalar_one()
        assert (mail.subject_id, mail.kind) == (invoice_id, "invoice")
        assert (mail.to_address, mail.document_name) == ("ada@example.com", "INV-000001.pdf")
        assert f"https://pay.example/i/{invoice.public_token}" in mail.body


def test_the_log_says_which_job_opened_the_invoice(sessions, engine, invoice_id):
    job = performing.claim(engine, FinalizeInvoice)
    WORKER.perform(job)

    with sessions() as session:
        opened = session.execute(select(Transition).filter_by(to_state="open")).scalar_one()
    assert (opened.actor, opened.job_id) == ("worker:invoice_processor", job.id)


@pytest.mark.parametrize("point", ["invoice.finalized", "invoice.rendered", "complete.written"])
def test_killed_before_the_end_the_next_run_finishes_and_repeats_nothing(
    app_database_url, sessions, engine, invoice_id, tmp_path, point
):
    killed_at(point, app_database_url, "invoice_processor", tmp_path)

    again = performing.reclaim(engine, FinalizeInvoice)
    assert again is not None
    WORKER.perform(again)

    assert_sent_once(sessions, engine, invoice_id)


@pytest.mark.parametrize("point", ["complete.committed", "invoice.stored"])
def test_killed_after_the_commit_nothing_is_left_to_do(
    app_database_url, sessions, engine, invoice_id, tmp_path, point
):
    killed_at(point, app_database_url, "invoice_processor", tmp_path)

    assert performing.reclaim(engine, FinalizeInvoice) is None
    assert_sent_once(sessions, engine, invoice_id)


def test_a_run_that_lost_its_lease_stores_nothing_and_its_successor_does(
    sessions, engine, invoice_id
):
    stale = performing.claim(engine, FinalizeInvoice)
    fresh = performing.take_over(engine, stale)

    with pytest.raises(LeaseLost):
        WORKER.perform(stale)
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(EmailDelivery)) == 0
    WORKER.perform(fresh)

    assert_sent_once(sessions, engine, invoice_id)


def test_a_draft_that_cannot_be_sent_goes_back_to_its_author_with_the_reason(sessions, engine):
    with sessions.begin() as session:
        invoice_id = a_requested_invoice(session)
        session.execute(text("UPDATE invoices SET total_minor = 0"))

    outcome = WORKER.perform(performing.claim(engine, FinalizeInvoice))

    assert outcome == Cancel("lines: The total is zero: there is nothing to pay. Set a price.")
    with sessions() as session:
        invoice = invoices.get(session, invoice_id)
        assert (invoice.status, invoice.finalize_requested_at) == (InvoiceStatus.DRAFT, None)
        assert session.scalar(select(NumberSeries.next_value).filter_by(name="invoice")) == 1


def test_a_customer_archived_meanwhile_stops_the_invoice(sessions, engine, invoice_id):
    with sessions.begin() as session:
        customer_id = invoices.get(session, invoice_id).customer_id
        customers.archive(session, customer_id, now=clock.now(session))

    outcome = WORKER.perform(performing.claim(engine, FinalizeInvoice))

    assert isinstance(outcome, Cancel)
    assert outcome.reason.startswith("customer_id: This customer is archived.")


def test_a_draft_voided_or_deleted_before_its_job_ran_is_left_alone(sessions, engine, invoice_id):
    with sessions.begin() as session:
        invoices.void(session, invoice_id, reason="Mistake", now=clock.now(session))
    voided = WORKER.perform(performing.claim(engine, FinalizeInvoice))

    with sessions.begin() as session:
        gone = a_requested_invoice(session)
        session.delete(invoices.get(session, gone))
    deleted = WORKER.perform(performing.claim(engine, FinalizeInvoice))

    assert isinstance(voided, Cancel)
    assert isinstance(deleted, Cancel)
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Invoice)) == 1
        assert session.scalar(select(NumberSeries.next_value).filter_by(name="invoice")) == 1


def test_a_draft_that_changes_hands_while_its_job_starts_is_looked_at_again(
    sessions, engine, invoice_id
):
    outcomes = []
    job = performing.claim(engine, FinalizeInvoice)
    thread = threading.Thread(target=lambda: outcomes.append(WORKER.perform(job)))
    with sessions() as editor:
        other = a_customer(editor, name="Bob Ltd").id
        editor.execute(text("UPDATE invoices SET customer_id = :other"), {"other": other})
        thread.start()
        wait_for_a_lock(sessions)
        editor.commit()
    thread.join(20)

    assert isinstance(outcomes[0], Error)
    WORKER.perform(job)
    assert_sent_once(sessions, engine, invoice_id)


def test_an_invoice_voided_after_its_number_is_not_mailed(sessions, engine, invoice_id):
    with sessions.begin() as session:
        now = clock.now(session)
        invoices.finalize(session, invoice_id, now=now)
        invoices.void(session, invoice_id, reason="Mistake", now=now)

    outcome = WORKER.perform(performing.claim(engine, FinalizeInvoice))

    assert isinstance(outcome, Cancel)
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(EmailDelivery)) == 0


def test_a_draft_asked_for_again_while_its_refusing_job_still_runs_is_not_forgotten(
    sessions, engine, invoice_id
):
    with sessions.begin() as session:
        session.execute(text("UPDATE invoices SET total_minor = 0"))
    job = performing.claim(engine, FinalizeInvoice)
    WORKER.perform(job)
    with sessions.begin() as session:
        now = clock.now(session)
        invoice = invoices.get(session, invoice_id)
        invoices.change_draft(
            session, invoice_id, customer_id=invoice.customer_id, currency="USD",
            lines=[LineDraft("Work", Decimal(1), 500, Decimal(0))], now=now,
        )  # fmt: skip

        invoices.request_finalize(session, invoice_id, now=now)

    with sessions() as session:
        woken = session.scalar(text("SELECT wake_requested_at IS NOT NULL FROM queue.jobs"))
    assert woken


def test_two_invoices_get_consecutive_numbers(sessions, engine):
    with sessions.begin() as session:
        ids = [a_requested_invoice(session) for _ in range(2)]
    for _ in ids:
        WORKER.perform(performing.claim(engine, FinalizeInvoice))

    with sessions() as session:
        numbers = [invoices.get(session, invoice_id).number for invoice_id in ids]
        statuses = session.scalars(select(EmailDelivery.status)).all()
    assert numbers == ["INV-000001", "INV-000002"]
    assert statuses == [EmailStatus.QUEUED, EmailStatus.QUEUED]
