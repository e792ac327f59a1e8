"""What the ledger page shows: balances per account and currency, the trial balance, the postings.

Debits and credits are summed apart, from the transfers themselves, so that a difference would be
seen here and not computed away.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import Session

from payments_app.domain.credit import CreditApplication
from payments_app.domain.dispute import Dispute
from payments_app.domain.invoice import Invoice
from payments_app.domain.ledger import LedgerPosting, LedgerTransfer
from payments_app.domain.payment import Payment
from payments_app.domain.refund import Refund
from payments_app.queries.paging import Numbered, numbered

_BALANCES = text(
    """
    SELECT account, currency, sum(debit)::bigint AS debit_minor, sum(credit)::bigint AS credit_minor
    FROM (
        SELECT t.debit_account AS account, p.currency, t.amount_minor AS debit, 0 AS credit
        FROM ledger_transfers t JOIN ledger_postings p ON p.id = t.posting_id
        UNION ALL
        SELECT t.credit_account, p.currency, 0, t.amount_minor
        FROM ledger_transfers t JOIN ledger_postings p ON p.id = t.posting_id
    ) AS sides
    GROUP BY account, currency ORDER BY currency, account
    """
)


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """One account in one currency."""

    account: str
    currency: str
    debit_minor: int
    credit_minor: int

    @property
    def balance_minor(self) -> int:
        return self.debit_minor - self.credit_minor


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """All accounts of one currency; it balances when the difference is zero."""

    currency: str
    accounts: Sequence[AccountBalance]

    @property
    def debit_minor(self) -> int:
        return sum(account.debit_minor for account in self.accounts)

    @property
    def credit_minor(self) -> int:
        return sum(account.credit_minor for account in self.accounts)

    @property
    def difference_minor(self) -> int:
        return self.debit_minor - self.credit_minor


def trial_balances(session: Session) -> list[TrialBalance]:
    """One per currency in use."""
    accounts = [AccountBalance(**row) for row in session.execute(_BALANCES).mappings()]
    currencies = sorted({account.currency for account in accounts})
    return [
        TrialBalance(currency, [one for one in accounts if one.currency == currency])
        for currency in currencies
    ]


def postings(session: Session, *, account: str = "", page: int = 1) -> Numbered[LedgerPosting]:
    """Newest first, with their transfers; of one account when it is named."""
    statement = select(LedgerPosting).order_by(
        LedgerPosting.posted_at.desc(), LedgerPosting.id.desc()
    )
    if account:
        touching = select(LedgerTransfer.posting_id).where(
            or_(LedgerTransfer.debit_account == account, LedgerTransfer.credit_account == account)
        )
        statement = statement.where(LedgerPosting.id.in_(touching))
    return numbered(session, statement, page, lambda row: row[0])


def sources(session: Session, found: Sequence[LedgerPosting]) -> dict[str, Any]:
    """Where each posting came from: source id → (kind of page, id of that page, words)."""
    ids = [posting.source_id for posting in found]
    invoices = select(Invoice.id, Invoice.number).where(Invoice.id.in_(ids))
    payments = select(Payment.id).where(Payment.id.in_(ids))
    refunds = select(Refund.id, Refund.payment_id).where(Refund.id.in_(ids))
    known: dict[str, Any] = {
        id_: ("invoice", id_, number or "draft") for id_, number in session.execute(invoices)
    }
    known |= {id_: ("payment", id_, "payment") for id_ in session.scalars(payments)}
    known |= {id_: ("payment", of, "refund") for id_, of in session.execute(refunds)}
    disputes = select(Dispute.id, Dispute.payment_id).where(Dispute.id.in_(ids))
    known |= {id_: ("payment", of, "dispute") for id_, of in session.execute(disputes)}
    uses = select(CreditApplication.id, CreditApplication.invoice_id)
    used = session.execute(uses.where(CreditApplication.id.in_(ids)))
    known |= {id_: ("invoice", of, "credit used") for id_, of in used}
    return known


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(LedgerPosting)) or 0
