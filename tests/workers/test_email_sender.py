"""Transmitting mail: at least once, the same bytes each time, and every outcome recorded."""

import io
from pathlib import Path

import pytest
from pypdf import PdfReader
from sqlalchemy import func, select

from payments_app import clock
from payments_app.domain.document import Document
from payments_app.domain.email import EmailDelivery, EmailStatus
from payments_app.jobs import SendEmail
from payments_app.mail.message import compose
from payments_app.mail.transport import SmtpTransport
from payments_app.services import documents, emails, locking, settlement
from payments_app.services.emails import Attachment
from queue_core import Cancel, Error
from tests.support import performing
from tests.support.business import a_payment
from tests.support.mail_server import mail_server
from tests.support.perform_once import killed_at
from tests.support.ports import free_port
from workers.email_sender import EmailSender

NOWHERE = Path("/nonexistent")  # unused with SMTP


@pytest.fixture
def outbox(tmp_path):
    return tmp_path / "outbox"


@pytest.fixture
def sender(outbox):
    return EmailSender(outbox=outbox)


@pytest.fixture
def delivery_id(sessions) -> str:
    return queue(sessions)


def queue(sessions, **changes) -> str:
    values = {"to": "ada@example.com", "title": "Hello", "body": "Dear Ada,\n", **changes}
    with sessions.begin() as session:
        digest = documents.store(session, subject_id="inv_1", kind="invoice", content=b"%PDF-1")
        made = emails.queue_email(
            session,
            subject_id="inv_1",
            kind="invoice",
            document=Attachment(digest, "INV-000001.pdf"),
            **values,
        )
        assert made is not None
        return made


def delivery(sessions, delivery_id: str) -> EmailDelivery:
    with sessions() as session:
        found = session.get(EmailDelivery, delivery_id)
        assert found is not None
        return found


def test_a_queued_mail_is_written_and_recorded(sessions, engine, sender, outbox, delivery_id):
    job = performing.claim(engine, SendEmail)

    assert sender.perform(job) is None

    assert performing.ended_as(engine, job) == "completed"
    kept = delivery(sessions, delivery_id)
    assert kept.status is EmailStatus.SENT
    assert kept.sent_at is not None
    assert [path.name for path in outbox.iterdir()] == [f"{delivery_id}.eml"]
    assert b"INV-000001.pdf" in (outbox / f"{delivery_id}.eml").read_bytes()


def test_a_mail_that_was_sent_is_not_sent_again(sessions, engine, sender, outbox, delivery_id):
    with sessions.begin() as session:
        emails.claim(session, delivery_id)
        emails.record_sent(session, delivery_id, now=clock.now(session))
    job = performing.claim(engine, SendEmail)

    sender.perform(job)

    assert performing.ended_as(engine, job) == "completed"
    assert not outbox.exists()


@pytest.mark.parametrize("point", ["mail.claimed", "mail.transmitted"])
def test_killed_before_it_is_recorded_the_same_mail_goes_out_again(
    app_database_url, sessions, engine, tmp_path, outbox, delivery_id, point
):
    killed_at(point, app_database_url, "email_sender", tmp_path)
    assert delivery(sessions, delivery_id).status is EmailStatus.SENDING
    before = {path.name: path.read_bytes() for path in outbox.glob("*.eml")}

    again = performing.reclaim(engine, SendEmail)
    assert again is not None
    EmailSender(outbox=outbox).perform(again)

    assert delivery(sessions, delivery_id).status is EmailStatus.SENT
    after = {path.name: path.read_bytes() for path in outbox.glob("*.eml")}
    assert list(after) == [f"{delivery_id}.eml"]
    assert point == "mail.claimed" or after == before


def test_killed_after_it_is_recorded_nothing_is_left_to_do(
    app_database_url, sessions, engine, tmp_path, delivery_id
):
    killed_at("mail.recorded", app_database_url, "email_sender", tmp_path)

    assert performing.reclaim(engine, SendEmail) is None
    assert delivery(sessions, delivery_id).status is EmailStatus.SENT


def test_a_repeated_transmission_carries_the_same_message_id_and_bytes(
    sessions, engine, delivery_id
):
    with mail_server() as server:
        with sessions.begin() as session:  # what a run does that dies before it records
            outgoing = emails.claim(session, delivery_id)
        assert outgoing is not None
        SmtpTransport(server.url()).send(compose(outgoing.mail))

        job = performing.claim(engine, SendEmail)
        EmailSender(outbox=NOWHERE, smtp_url=server.url()).perform(job)

    first, second = server.envelopes
    assert first.content == second.content
    assert server.messages[0]["Message-ID"] == f"<{delivery_id}@harbourandpine.example>"


def test_sent_is_recorded_even_by_a_run_that_lost_its_lease(sessions, engine, sender, delivery_id):
    stale = performing.claim(engine, SendEmail)
    fresh = performing.take_over(engine, stale)

    sender.perform(stale)

    assert delivery(sessions, delivery_id).status is EmailStatus.SENT
    assert performing.ended_as(engine, fresh) is None
    sender.perform(fresh)
    assert performing.ended_as(engine, fresh) == "completed"


def test_a_refusal_for_good_ends_as_bounced_with_its_reason(sessions, engine, delivery_id):
    with mail_server() as server:
        server.to_recipient = "550 5.1.1 No such user"
        outcome = EmailSender(outbox=NOWHERE, smtp_url=server.url()).perform(
            performing.claim(engine, SendEmail)
        )

    kept = delivery(sessions, delivery_id)
    assert outcome == Cancel("550 5.1.1 No such user")
    assert (kept.status, kept.last_error) == (EmailStatus.BOUNCED, "550 5.1.1 No such user")


def test_a_refusal_for_now_and_a_missing_server_are_tried_again(sessions, engine, delivery_id):
    job = performing.claim(engine, SendEmail)
    with mail_server() as server:
        server.to_data = "452 4.3.1 Disk full"
        busy = EmailSender(outbox=NOWHERE, smtp_url=server.url()).perform(job)
    missing = EmailSender(outbox=NOWHERE, smtp_url=f"smtp://localhost:{free_port()}").perform(job)

    kept = delivery(sessions, delivery_id)
    assert isinstance(busy, Error)
    assert isinstance(missing, Error)
    assert kept.status is EmailStatus.QUEUED
    assert "no mail server" in str(kept.last_error)


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "ada@example.com\r\nBcc: everybody@example.com"},
        {"to": "ada@example.com, eve@example.com"},
        {"title": "Hello\nBcc: everybody@example.com"},
    ],
)
def test_an_injected_header_bounces_and_nothing_leaves(sessions, engine, sender, outbox, changes):
    delivery_id = queue(sessions, **changes)

    outcome = sender.perform(performing.claim(engine, SendEmail))

    assert isinstance(outcome, Cancel)
    assert delivery(sessions, delivery_id).status is EmailStatus.BOUNCED
    assert not outbox.exists()


def a_completed_payment(sessions) -> str:
    with sessions.begin() as session:
        now = clock.now(session)
        payment = locking.lock_payment(session, a_payment(session, now=now).id)
        payment.gateway_intent_id, payment.latest_charge = "pi_1", "ch_1"
        settlement.complete(session, payment, captured_minor=12_000, now=now)
        return payment.id


def test_a_receipt_gets_its_pdf_when_it_is_sent(sessions, engine, sender, outbox):
    payment_id = a_completed_payment(sessions)

    sender.perform(performing.claim(engine, SendEmail))

    with sessions() as session:
        stored = documents.get(session, subject_id=payment_id, kind="receipt")
        mail = session.execute(select(EmailDelivery).filter_by(kind="receipt")).scalar_one()
    text = PdfReader(io.BytesIO(stored.content)).pages[0].extract_text()
    assert "$120.00" in text
    assert payment_id in text
    assert (mail.document_hash, mail.document_name) == (stored.hash, "Receipt-INV-000001.pdf")
    assert b"Receipt-INV-000001.pdf" in (outbox / f"{mail.id}.eml").read_bytes()


def test_a_receipt_sent_twice_has_one_document(
    app_database_url, sessions, engine, tmp_path, outbox
):
    a_completed_payment(sessions)
    killed_at("mail.transmitted", app_database_url, "email_sender", tmp_path)
    (first,) = [path.read_bytes() for path in outbox.glob("*.eml")]

    again = performing.reclaim(engine, SendEmail)
    assert again is not None
    EmailSender(outbox=outbox).perform(again)

    assert [path.read_bytes() for path in outbox.glob("*.eml")] == [first]
    with sessions() as session:
        receipts = select(func.count()).select_from(Document).filter_by(kind="receipt")
        assert session.scalar(receipts) == 1
