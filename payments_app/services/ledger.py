"""Posting to the ledger: once per (source, kind), balanced by construction."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments_app.domain.ledger import Account, PostingKind

# Header and transfers in one statement. ON CONFLICT waits for a concurrent twin to commit, and then
# finds its row: no header of ours, so no transfers either.
_POST = text(
    "WITH posting AS ("
    " INSERT INTO ledger_postings (source_type, source_id, kind, currency, memo)"
    " VALUES (:source_type, :source_id, :kind, :currency, :memo)"
    " ON CONFLICT (source_type, source_id, kind) DO NOTHING RETURNING id)"
    " INSERT INTO ledger_transfers (posting_id, debit_account, credit_account, amount_minor)"
    " SELECT posting.id, debit, credit, amount_minor FROM posting, unnest("
    "CAST(:debits AS text[]), CAST(:credits AS text[]), CAST(:amounts AS bigint[]))"
    " AS transfer (debit, credit, amount_minor)"
)


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
    written = connection.execute(
        _POST,
        {
            "source_type": source_type,
            "source_id": source_id,
            "kind": kind,
            "currency": currency,
            "memo": memo,
            "debits": [row.debit for row in rows],
            "credits": [row.credit for row in rows],
            "amounts": [row.amount_minor for row in rows],
        },
    )
    return written.rowcount > 0
