"""Posting to the ledger: once per (source, kind), balanced by construction."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.orm import Session

from payments_app.domain.ledger import Account, LedgerPosting, LedgerTransfer, PostingKind

# ON CONFLICT waits for a concurrent twin to commit, and then finds its row.
_POST = (
    pg_insert(LedgerPosting)
    .on_conflict_do_nothing(index_elements=["source_type", "source_id", "kind"])
    .returning(LedgerPosting.id)
)
_TRANSFER = pg_insert(LedgerTransfer)


@dataclass(frozen=True, slots=True)
class Transfer:
    """``amount_minor`` to the debit of one account and the credit of another."""

    debit: Account
    credit: Account
    amount_minor: int


def post(
    session: Session,
    *,
    source_type: str,
    source_id: str,
    kind: PostingKind,
    currency: str,
    transfers: Sequence[Transfer],
    memo: str = "",
) -> bool:
    """Write one posting. False, and nothing written, if this source has it already.

    Transfers of zero are left out (a tax rate of 0 %); a posting without any is refused.
    """
    rows = [transfer for transfer in transfers if transfer.amount_minor]
    if not rows:
        raise AssertionError(f"empty posting {kind} of {source_type} {source_id}")
    # On the connection: an insert through the unit of work costs as much as the whole posting.
    connection = session.connection()
    posting_id = connection.execute(
        _POST,
        {
            "source_type": source_type,
            "source_id": source_id,
            "kind": kind,
            "currency": currency,
            "memo": memo,
        },
    ).scalar_one_or_none()
    if posting_id is None:
        return False
    connection.execute(
        _TRANSFER,
        [
            {
                "posting_id": posting_id,
                "debit_account": row.debit,
                "credit_account": row.credit,
                "amount_minor": row.amount_minor,
            }
            for row in rows
        ],
    )
    return True
