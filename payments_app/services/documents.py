"""Stored documents: bytes under their SHA-256, and which bytes are the document of what.

The first rendering that is stored stays the document for ever. Rendering again after a crash is a
no-op: equal bytes have an equal hash, and even a newer template cannot replace what was sent.
"""

import hashlib
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, joinedload

from payments_app.documents import frozen
from payments_app.documents.frozen import Frozen
from payments_app.domain.document import Document, StoredFile
from payments_app.domain.errors import NotFound
from payments_app.domain.payment import Payment

PDF = "application/pdf"


@dataclass(frozen=True, slots=True)
class Stored:
    """A document as it is kept. ``hash`` is the SHA-256 (hex) of ``content``."""

    hash: str
    media_type: str
    content: bytes


def store(
    session: Session, *, subject_id: str, kind: str, content: bytes, media_type: str = PDF
) -> str:
    """Keep the document of this subject and kind; the hash of the one that is kept."""
    kept = _hash_of(session, subject_id, kind)
    if kept is not None:
        return kept
    digest = hashlib.sha256(content).hexdigest()
    session.execute(
        insert(StoredFile)
        .values(hash=digest, media_type=media_type, content=content)
        .on_conflict_do_nothing(index_elements=["hash"])
    )
    session.execute(
        insert(Document)
        .values(subject_id=subject_id, kind=kind, file_hash=digest)
        .on_conflict_do_nothing(index_elements=["subject_id", "kind"])
    )
    # A twin may have committed first, while we waited for its row: its document is the one.
    return _hash_of(session, subject_id, kind) or digest


def get(session: Session, *, subject_id: str, kind: str) -> Stored:
    """The stored document. Raises NotFound while it has not been rendered."""
    digest = _hash_of(session, subject_id, kind)
    if digest is None:
        raise NotFound(f"{kind.replace('_', ' ')} document of", subject_id)
    return by_hash(session, digest)


def by_hash(session: Session, digest: str) -> Stored:
    """The file with this hash. Raises NotFound."""
    row = session.execute(
        select(StoredFile.hash, StoredFile.media_type, StoredFile.content).where(
            StoredFile.hash == digest
        )
    ).one_or_none()
    if row is None:
        raise NotFound("file", digest)
    return Stored(*row)


def receipt_of(session: Session, payment_id: str) -> Frozen:
    """What the receipt of a completed payment says. Raises NotFound."""
    payment = session.execute(
        select(Payment).where(Payment.id == payment_id).options(joinedload(Payment.invoice))
    ).scalar_one_or_none()
    if payment is None or payment.captured_minor == 0:
        raise NotFound("receipt of payment", payment_id)
    return frozen.receipt_document(payment, payment.invoice)


def _hash_of(session: Session, subject_id: str, kind: str) -> str | None:
    return session.execute(
        select(Document.file_hash).where(Document.subject_id == subject_id, Document.kind == kind)
    ).scalar_one_or_none()
