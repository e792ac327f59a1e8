"""Stored documents: kept by their hash, and the first rendering stays the document."""

import hashlib
import threading

import pytest
from sqlalchemy import func, select

from payments_app.domain.document import Document, StoredFile
from payments_app.domain.errors import NotFound
from payments_app.services import documents
from tests.support.business import a_payment


def count(session, table) -> int:
    return int(session.scalar(select(func.count()).select_from(table)))


def test_a_document_is_kept_under_the_hash_of_its_bytes(session):
    digest = documents.store(session, subject_id="inv_1", kind="invoice", content=b"%PDF-1")

    kept = documents.get(session, subject_id="inv_1", kind="invoice")

    assert digest == hashlib.sha256(b"%PDF-1").hexdigest() == kept.hash
    assert (kept.content, kept.media_type) == (b"%PDF-1", "application/pdf")


def test_storing_the_same_bytes_again_is_a_no_op(session):
    hashes = {
        documents.store(session, subject_id="inv_1", kind="invoice", content=b"%PDF-1")
        for _ in range(2)
    }

    assert len(hashes) == count(session, StoredFile) == count(session, Document) == 1


def test_equal_bytes_of_two_subjects_are_stored_once(session):
    for subject in ("inv_1", "inv_2"):
        documents.store(session, subject_id=subject, kind="invoice", content=b"%PDF-1")

    assert (count(session, StoredFile), count(session, Document)) == (1, 2)


def test_a_newer_rendering_does_not_replace_the_document_that_was_sent(session):
    first = documents.store(session, subject_id="inv_1", kind="invoice", content=b"old")

    assert documents.store(session, subject_id="inv_1", kind="invoice", content=b"new") == first
    assert documents.get(session, subject_id="inv_1", kind="invoice").content == b"old"


def test_what_was_not_rendered_is_not_found(session):
    with pytest.raises(NotFound):
        documents.get(session, subject_id="inv_1", kind="invoice")
    with pytest.raises(NotFound):
        documents.by_hash(session, "0" * 64)
    with pytest.raises(NotFound):
        documents.receipt_of(session, "pay_none")


def test_a_payment_that_is_not_completed_has_no_receipt(session):
    with pytest.raises(NotFound):
        documents.receipt_of(session, a_payment(session).id)


def test_two_who_store_different_bytes_at_once_agree_on_one(sessions):
    both = threading.Barrier(2)
    hashes = []

    def work(content: bytes) -> None:
        with sessions.begin() as session:
            both.wait(10)
            hashes.append(
                documents.store(session, subject_id="inv_1", kind="invoice", content=content)
            )

    threads = [threading.Thread(target=work, args=(content,)) for content in (b"a", b"b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert len(set(hashes)) == 1
    with sessions.begin() as session:
        assert count(session, Document) == 1
