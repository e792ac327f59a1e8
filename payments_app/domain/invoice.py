"""Invoices: a draft that may change, then a numbered document that may not.

``open`` begins with the number, the ledger posting and the frozen document data, all in one
transaction; ``paid`` is reached by allocation alone. Overdue and partly paid are derived.
"""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Numeric, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from payments_app.domain.base import Base, created_at, prefixed_id, states, version
from payments_app.domain.customer import Customer
from payments_app.domain.money import Rounding
from payments_app.domain.state_machine import Move, StateMachine
from payments_app.domain.totals import Totals, compute

LINES_MAX = 100
TERMS_DAYS = 30


class InvoiceStatus(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"


_S = InvoiceStatus
MOVES = StateMachine(
    "invoice",
    InvoiceStatus,
    {
        "finalize": Move(_S.DRAFT, to=_S.OPEN),
        "settle": Move(_S.OPEN, _S.UNCOLLECTIBLE, to=_S.PAID),
        "reopen": Move(_S.PAID, to=_S.OPEN),  # a refund without a credit note: it is owed again
        "void": Move(_S.DRAFT, _S.OPEN, _S.UNCOLLECTIBLE, to=_S.VOID),
        "give_up": Move(_S.OPEN, to=_S.UNCOLLECTIBLE),
    },
)


class Invoice(Base):
    """What a customer owes, and how much of it has been settled (allocations plus credits)."""

    __tablename__ = "invoices"
    __table_args__ = (
        CheckConstraint("total_minor >= 0 AND tax_minor >= 0", name="amounts"),
        CheckConstraint(
            "allocated_minor >= 0 AND credited_minor >= 0 "
            "AND allocated_minor + credited_minor <= total_minor",
            name="settled",
        ),
        # I5 in one row: paid exactly when nothing is due.
        CheckConstraint(
            "(status NOT IN ('open', 'paid', 'uncollectible')) OR "
            "((status = 'paid') = (allocated_minor + credited_minor = total_minor))",
            name="paid",
        ),
        CheckConstraint(
            "(number IS NOT NULL) = (finalized_at IS NOT NULL) "
            "AND (status NOT IN ('open', 'paid', 'uncollectible') OR number IS NOT NULL)",
            name="number",
        ),
    )

    id: Mapped[str] = prefixed_id("inv")
    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"), index=True)
    status: Mapped[InvoiceStatus] = mapped_column(
        states(InvoiceStatus), default=InvoiceStatus.DRAFT
    )
    number: Mapped[str | None] = mapped_column(unique=True)
    currency: Mapped[str]
    rounding: Mapped[Rounding] = mapped_column(states(Rounding), default=Rounding.HALF_UP)
    issue_date: Mapped[date | None]
    due_date: Mapped[date | None]
    memo: Mapped[str] = mapped_column(default="")
    subtotal_minor: Mapped[int] = mapped_column(default=0)
    tax_minor: Mapped[int] = mapped_column(default=0)
    total_minor: Mapped[int] = mapped_column(default=0)
    allocated_minor: Mapped[int] = mapped_column(default=0)
    credited_minor: Mapped[int] = mapped_column(default=0)
    public_token: Mapped[str] = mapped_column(server_default=text("new_token()"), unique=True)
    public_token_expires_at: Mapped[datetime | None]
    document: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    finalize_requested_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = created_at()
    finalized_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    version: Mapped[int] = version()

    customer: Mapped[Customer] = relationship(lazy="raise_on_sql")
    lines: Mapped[list["InvoiceLine"]] = relationship(
        order_by="InvoiceLine.position", cascade="all, delete-orphan", lazy="selectin"
    )

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    @property
    def due_minor(self) -> int:
        """What is left to pay: zero unless the invoice has been sent and is not settled."""
        if self.status not in (InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE):
            return 0
        return self.total_minor - self.allocated_minor - self.credited_minor

    def figures(self) -> Totals:
        """Lines, taxes and total, rounded as this invoice says."""
        return compute(self.lines, self.rounding)

    def is_overdue(self, today: date) -> bool:
        late = self.due_date is not None and today > self.due_date
        return self.status is InvoiceStatus.OPEN and late

    def move(self, event: str) -> None:
        """Make one move of the table. Raises InvalidTransition."""
        self.status = MOVES.require(event, self.status)


class InvoiceLine(Base):
    """One line. ``unit_amount_minor`` is without tax; ``tax_rate`` is in percent."""

    __tablename__ = "invoice_lines"
    __table_args__ = (
        CheckConstraint("length(description) BETWEEN 1 AND 500", name="description"),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("unit_amount_minor >= 0", name="unit_amount"),
        CheckConstraint("tax_rate BETWEEN 0 AND 100", name="tax_rate"),
    )

    id: Mapped[str] = prefixed_id("line")
    invoice_id: Mapped[str] = mapped_column(
        ForeignKey("invoices.id", ondelete="CASCADE"), index=True
    )
    position: Mapped[int]
    description: Mapped[str]
    quantity: Mapped[Decimal] = mapped_column(Numeric(12, 3))
    unit_amount_minor: Mapped[int]
    tax_rate: Mapped[Decimal] = mapped_column(Numeric(6, 3))


class NumberSeries(Base):
    """The next number of a gapless series. Its row is the last lock of a finalising transaction."""

    __tablename__ = "number_series"

    name: Mapped[str] = mapped_column(primary_key=True)
    next_value: Mapped[int] = mapped_column(default=1)


class CreditNote(Base):
    """What an invoice no longer asks for. Made with a refund; numbered afterwards by a job."""

    __tablename__ = "credit_notes"
    __table_args__ = (CheckConstraint("amount_minor > 0", name="amount"),)

    id: Mapped[str] = prefixed_id("crn")
    invoice_id: Mapped[str] = mapped_column(ForeignKey("invoices.id"), index=True)
    refund_id: Mapped[str | None] = mapped_column(ForeignKey("refunds.id"), unique=True)
    number: Mapped[str | None] = mapped_column(unique=True)
    currency: Mapped[str]
    amount_minor: Mapped[int]
    tax_minor: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = created_at()
    issued_at: Mapped[datetime | None]
