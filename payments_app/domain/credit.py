"""Customer credit: money paid beyond what was due, until it is used on another invoice or returned.

Nothing stores a balance. The credit of a payment is what it captured less what was given back,
what is reserved to be given back, what was used elsewhere and what its own invoice took.
"""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from payments_app.domain.base import Base, created_at, prefixed_id


class CreditApplication(Base):
    """Credit used on one invoice; its allocations name the payments that the money came from."""

    __tablename__ = "credit_applications"
    __table_args__ = (CheckConstraint("amount_minor > 0", name="amount"),)

    id: Mapped[str] = prefixed_id("cra")
    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"), index=True)
    invoice_id: Mapped[str] = mapped_column(ForeignKey("invoices.id"), index=True)
    currency: Mapped[str]
    amount_minor: Mapped[int]
    created_at: Mapped[datetime] = created_at()
