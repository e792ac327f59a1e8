"""Rendered documents, stored by the hash of their bytes: rendering twice is a no-op."""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments_app.domain.base import Base, created_at, prefixed_id


class StoredFile(Base):
    """Bytes under their SHA-256 (hex)."""

    __tablename__ = "stored_files"

    hash: Mapped[str] = mapped_column(primary_key=True)
    media_type: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = created_at()


class Document(Base):
    """Which file is the document of a kind for a subject: one, whoever rendered it first."""

    __tablename__ = "documents"
    __table_args__ = (UniqueConstraint("subject_id", "kind"),)

    id: Mapped[str] = prefixed_id("doc")
    subject_id: Mapped[str]
    kind: Mapped[str]
    file_hash: Mapped[str] = mapped_column(ForeignKey("stored_files.hash"))
    created_at: Mapped[datetime] = created_at()
