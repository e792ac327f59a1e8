"""What was answered to a request with an idempotency key, so that its twin gets the same answer."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payments_app.domain.base import Base, created_at

# Clients may retry for a day; natural keys (the live-payment index) still dedupe afterwards.
KEEP_FOR = timedelta(hours=72)


class IdempotencyRecord(Base):
    """One (account, key): the request's fingerprint and the answer that was committed with it."""

    __tablename__ = "idempotency_records"

    account: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    method: Mapped[str]
    path: Mapped[str]
    status: Mapped[int]
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    headers: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    subject_id: Mapped[str | None]
    replays: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = created_at()
    expires_at: Mapped[datetime]
