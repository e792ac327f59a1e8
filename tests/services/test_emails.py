"""The outbox: one mail per (subject, kind), one Message-ID for ever, and every outcome recorded."""

import pytest
from sqlalchemy import func, select

from payments_app.domain.email import EmailDelivery, EmailStatus
from payments_app.domain.errors import InvalidTransition, NotFound
from payments_app.services import documents, emails
from payments_app.services.emails import Attachment
from tests.support.business import NOW


def queue(session, subject_id="inv_1", kind="invoice", **changes) -> EmailDelivery | None:
    values = {"to": "ada@example.com", "title": "Hello", "body": "Text\n", **changes}
    made = emails.queue_email(session, subject_id=subject_id, kind=kind, **values)
    return None if made is None else session.get_one(EmailDelivery, made)


@pytest.fixture
def queued(session) -> EmailDelivery:
    made = queue(session)
    assert made is not None
    return made


def jobs(session) -> int:
    return session.connection().exec_driver_sql("SELECT count(*) FROM queue.jobs").scalar_one()


def test_a_queued_mail_has_a_job_and_a_message_id_made_of_its_own_id(session, queued):
    assert queued.status is EmailStatus.QUEUED
    assert queued.message_id == f"<{queued.id}@harbourandpine.example>"
    assert jobs(session) == 1


def test_the_same_mail_queued_again_is_the_same_mail(session, queued):
    assert queue(session, title="Other") is None

    assert session.scalar(select(func.count()).select_from(EmailDelivery)) == 1
    assert jobs(session) == 1


def test_another_kind_or_subject_is_another_mail(session, queued):
    assert queue(session, kind="receipt") is not None
    assert queue(session, subject_id="inv_2") is not None


def test_an_address_that_cannot_be_never_stops_the_transaction_that_queues(session):
    assert queue(session, to="Ada\r\nBcc: x@y.zz") is not None


def test_a_claimed_mail_carries_all_that_is_sent(session):
    digest = documents.store(session, subject_id="inv_1", kind="invoice", content=b"%PDF-1")
    made = queue(session, document=Attachment(digest, "INV-000001.pdf"))
    assert made is not None

    outgoing = emails.claim(session, made.id)

    assert outgoing is not None
    assert outgoing.mail.attached is not None
    assert made.status is EmailStatus.SENDING
    assert outgoing.mail.recipient == "ada@example.com"
    assert (outgoing.mail.title, outgoing.mail.body) == ("Hello", "Text\n")
    assert outgoing.mail.attached.name == "INV-000001.pdf"
    assert outgoing.mail.attached.content == b"%PDF-1"


def test_a_mail_whose_run_died_is_claimed_again_as_the_same_mail(session, queued):
    first = emails.claim(session, queued.id)

    assert emails.claim(session, queued.id) == first


def test_a_sent_mail_is_not_claimed_again(session, queued):
    emails.claim(session, queued.id)
    emails.record_sent(session, queued.id, now=NOW)

    assert emails.claim(session, queued.id) is None
    assert (queued.status, queued.sent_at) == (EmailStatus.SENT, NOW)


def test_sent_is_a_fact_that_is_recorded_once(session, queued):
    emails.claim(session, queued.id)
    emails.record_sent(session, queued.id, now=NOW)

    emails.record_sent(session, queued.id, now=NOW.replace(year=2030))

    assert queued.sent_at == NOW


def test_sent_is_recorded_even_when_another_run_put_the_mail_back(session, queued):
    emails.claim(session, queued.id)
    emails.record_failure(session, queued.id, reason="timeout of the other run")

    emails.record_sent(session, queued.id, now=NOW)

    assert (queued.status, queued.last_error) == (EmailStatus.SENT, None)


def test_a_failure_puts_the_mail_back_with_its_reason(session, queued):
    emails.claim(session, queued.id)

    emails.record_failure(session, queued.id, reason="no mail server")

    assert (queued.status, queued.last_error) == (EmailStatus.QUEUED, "no mail server")


def test_a_late_failure_or_bounce_does_not_undo_a_sent_mail(session, queued):
    emails.claim(session, queued.id)
    emails.record_sent(session, queued.id, now=NOW)

    emails.record_failure(session, queued.id, reason="late")
    emails.record_bounced(session, queued.id, reason="late")

    assert queued.status is EmailStatus.SENT


def test_a_bounced_mail_is_sent_again_only_when_a_person_asks(session, queued):
    emails.claim(session, queued.id)
    emails.record_bounced(session, queued.id, reason="550 no such user")
    assert emails.claim(session, queued.id) is None

    emails.send_again(session, queued.id)

    assert queued.status is EmailStatus.QUEUED
    assert emails.claim(session, queued.id) is not None


def test_a_queued_mail_that_somebody_asks_for_keeps_its_one_job(session, queued):
    emails.send_again(session, queued.id)

    assert queued.status is EmailStatus.QUEUED
    assert jobs(session) == 1


def test_a_sent_mail_cannot_be_sent_again(session, queued):
    emails.claim(session, queued.id)
    emails.record_sent(session, queued.id, now=NOW)

    with pytest.raises(InvalidTransition):
        emails.send_again(session, queued.id)


def test_the_first_attached_document_stays(session, queued):
    hashes = [
        documents.store(session, subject_id=f"pay_{n}", kind="receipt", content=bytes([n]))
        for n in range(2)
    ]
    for digest in hashes:
        emails.attach(session, queued.id, Attachment(digest, "Receipt.pdf"))

    assert queued.document_hash == hashes[0]


def test_an_unknown_mail_is_not_found(session):
    with pytest.raises(NotFound, match="mail_none"):
        emails.claim(session, "mail_none")
