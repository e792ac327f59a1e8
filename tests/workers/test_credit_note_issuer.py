"""Credit notes: a number of their own series, one document and one mail, wherever it crashes."""

import pytest
from sqlalchemy import func, select

import queue_core
from payments_app import clock
from payments_app.domain.document import Document
from payments_app.domain.email import EmailDelivery
from payments_app.domain.errors import NotFound
from payments_app.domain.invoice import CreditNote, NumberSeries
from payments_app.jobs import IssueCreditNote
from payments_app.services import credit_notes, documents
from tests.support import performing
from tests.support.business import NOW, an_open_invoice
from tests.support.perform_once import killed_at
from workers.credit_note_issuer import CreditNoteIssuer


@pytest.fixture
def note_id(sessions) -> str:
    with sessions.begin() as session:
        invoice = an_open_invoice(session, tax_rate="20", now=clock.now(session))
        note = CreditNote(
            invoice_id=invoice.id,
            currency="USD",
            amount_minor=6_000,
            tax_minor=1_000,
            reason="Late delivery",
        )
        session.add(note)
        session.flush()
        queue_core.insert(session, IssueCreditNote(credit_note_id=note.id))
        return note.id


def assert_issued_once(sessions, engine, note_id: str) -> None:
    with sessions() as session:
        note = session.get(CreditNote, note_id)
        assert note is not None
        assert note.number == "CN-000001"
        assert session.scalar(select(NumberSeries.next_value).filter_by(name="credit_note")) == 2
        for table in (Document, EmailDelivery):
            kept = select(func.count()).select_from(table).filter_by(kind="credit_note")
            assert session.scalar(kept) == 1
        mail = session.execute(select(EmailDelivery)).scalar_one()
        stored = documents.get(session, subject_id=note_id, kind="credit_note")
    assert (mail.document_hash, mail.document_name) == (stored.hash, "CN-000001.pdf")
    assert performing.unfinished(engine, IssueCreditNote) == 0


def test_a_credit_note_is_numbered_stored_and_queued_for_mail(sessions, engine, note_id):
    job = performing.claim(engine, IssueCreditNote)

    CreditNoteIssuer().perform(job)

    assert performing.ended_as(engine, job) == "completed"
    assert_issued_once(sessions, engine, note_id)


@pytest.mark.parametrize(
    "point", ["credit_note.issued", "credit_note.rendered", "complete.written"]
)
def test_killed_before_the_end_the_next_run_finishes_and_repeats_nothing(
    app_database_url, sessions, engine, note_id, tmp_path, point
):
    killed_at(point, app_database_url, "credit_note_issuer", tmp_path)

    again = performing.reclaim(engine, IssueCreditNote)
    assert again is not None
    CreditNoteIssuer().perform(again)

    assert_issued_once(sessions, engine, note_id)


def test_issuing_twice_gives_the_same_document(sessions, note_id):
    with sessions.begin() as session:
        first = credit_notes.issue(session, note_id, now=NOW)
        again = credit_notes.issue(session, note_id, now=NOW.replace(year=2030))

    assert first == again
    assert (first["net_minor"], first["tax_minor"], first["total_minor"]) == (5_000, 1_000, 6_000)
    assert (first["number"], first["invoice_number"]) == ("CN-000001", "INV-000001")


def test_an_unknown_credit_note_is_not_found(sessions):
    with sessions.begin() as session, pytest.raises(NotFound, match="crn_none"):
        credit_notes.issue(session, "crn_none", now=NOW)
