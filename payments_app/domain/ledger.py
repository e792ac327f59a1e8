"""Double entry, made of transfers: each row debits one account and credits another.

An unbalanced posting cannot be written, because a transfer is balanced by its shape. A posting
header is unique per (source, kind), which is what makes a capture count once even if two workers
record it. Both tables are append-only by trigger.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from payments_app.domain.base import Base, created_at, prefixed_id, states


class Account(StrEnum):
    """The chart of accounts."""

    RECEIVABLE = "receivable"
    GATEWAY_CLEARING = "gateway_clearing"
    BANK = "bank"
    REVENUE = "revenue"
    TAX = "tax"
    CUSTOMER_CREDIT = "customer_credit"
    FEES = "fees"
    DISPUTES = "disputes"
    DISPUTE_LOSSES = "dispute_losses"


class PostingKind(StrEnum):
    FINALIZE = "finalize"
    CAPTURE = "capture"
    REFUND = "refund"
    CREDIT_NOTE = "credit_note"
    VOID = "void"
    CREDIT_APPLIED = "credit_applied"
    REFUND_BOUNCED = "refund_bounced"
    DISPUTE_HOLD = "dispute_hold"
    DISPUTE_RELEASE = "dispute_release"
    DISPUTE_LOSS = "dispute_loss"


class LedgerPosting(Base):
    """The header: one business event, posted once."""

    __tablename__ = "ledger_postings"
    __table_args__ = (UniqueConstraint("source_type", "source_id", "kind"),)

    id: Mapped[str] = prefixed_id("post")
    source_type: Mapped[str]
    source_id: Mapped[str]
    kind: Mapped[PostingKind] = mapped_column(states(PostingKind))
    currency: Mapped[str]
    memo: Mapped[str] = mapped_column(default="")
    posted_at: Mapped[datetime] = created_at()

    transfers: Mapped[list["LedgerTransfer"]] = relationship(lazy="selectin")


class LedgerTransfer(Base):
    """An amount from one account (credit) to another (debit), in the posting's currency."""

    __tablename__ = "ledger_transfers"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("debit_account <> credit_account", name="accounts"),
    )

    id: Mapped[str] = prefixed_id("xfer")
    posting_id: Mapped[str] = mapped_column(ForeignKey("ledger_postings.id"), index=True)
    debit_account: Mapped[Account] = mapped_column(states(Account), index=True)
    credit_account: Mapped[Account] = mapped_column(states(Account), index=True)
    amount_minor: Mapped[int]


class Allocation(Base):
    """Money of a payment applied to an invoice: positive at capture, negative at a refund."""

    __tablename__ = "allocations"
    __table_args__ = (
        UniqueConstraint("payment_id", "invoice_id", "source_id"),
        CheckConstraint("amount_minor <> 0", name="amount"),
    )

    id: Mapped[str] = prefixed_id("alloc")
    payment_id: Mapped[str] = mapped_column(ForeignKey("payments.id"))
    invoice_id: Mapped[str] = mapped_column(ForeignKey("invoices.id"), index=True)
    source_id: Mapped[str]  # the payment (capture) or the refund that caused it
    amount_minor: Mapped[int]
    created_at: Mapped[datetime] = created_at()
