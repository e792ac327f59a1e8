"""What was written about money stays: the database refuses it to our own role, too.

The services have no such statement; these are for the hand that writes SQL on a bad day. Each test
is one transaction that never commits.
"""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from payments_app.domain.ledger import Account, PostingKind
from payments_app.services import ledger
from payments_app.services.ledger import Transfer
from tests.support.business import an_open_invoice

REFUND = """
INSERT INTO payments (id, invoice_id, customer_id, amount_minor, currency, status, payment_method,
                      intent_key_no, cancel_key_no, must_look, captured_minor, refunded_minor,
                      refund_reserved_minor, deadline_at, waits, source, version)
SELECT 'pay_1', id, customer_id, 500, currency, 'pending', 'pm_card_visa', 1, 1, false, 0, 0, 0,
       now(), 0, 'api', 1 FROM invoices;
UPDATE payments SET status = 'completed', captured_minor = 500, finished_at = now(),
                    gateway_intent_id = 'pi_1';
INSERT INTO refunds (id, payment_id, amount_minor, currency, reason, with_credit_note, status,
                     waits, version)
VALUES ('rfd_1', 'pay_1', 500, 'USD', '', true, 'requested', 0, 1);
INSERT INTO disputes (id, payment_id, gateway_dispute_id, status, reason, amount_minor, currency,
                      version)
VALUES ('dsp_1', 'pay_1', 'dp_1', 'open', 'fraudulent', 500, 'USD', 1);
INSERT INTO credit_notes (id, invoice_id, refund_id, currency, amount_minor, tax_minor, reason)
SELECT 'crn_1', id, 'rfd_1', 'USD', 500, 0, '' FROM invoices
"""

LATE_TRANSFER = """
INSERT INTO ledger_transfers (posting_id, debit_account, credit_account, amount_minor)
SELECT id, 'tax', 'revenue', 1 FROM ledger_postings
"""


@pytest.fixture
def written(session: Session) -> Session:
    """A posting as an earlier transaction left it, and money that has moved since."""
    an_open_invoice(session)
    session.flush()
    session.execute(text("SET LOCAL session_replication_role = replica"))
    session.execute(text("UPDATE ledger_postings SET posted_at = posted_at - interval '1 second'"))
    session.execute(text("SET LOCAL session_replication_role = origin"))
    for statement in REFUND.split(";"):
        session.execute(text(statement))
    return session


@pytest.mark.parametrize(
    "statement",
    [
        LATE_TRANSFER,
        "UPDATE ledger_transfers SET amount_minor = 1",
        "DELETE FROM ledger_postings",
        "TRUNCATE ledger_transfers",
        "UPDATE payments SET captured_minor = 501",
        "UPDATE payments SET amount_minor = 1",
        "UPDATE payments SET gateway_intent_id = 'pi_2'",
        "UPDATE payments SET status = 'pending', captured_minor = 0, finished_at = NULL",
        "UPDATE refunds SET amount_minor = 499",
        "UPDATE disputes SET amount_minor = 1",
        "UPDATE credit_notes SET tax_minor = 1",
        "DELETE FROM credit_notes",
    ],
)
def test_what_was_written_about_money_cannot_be_changed_by_hand(written, statement):
    with pytest.raises(DatabaseError, match=r"closed|append-only|written once|illegal move"):
        written.execute(text(statement))


def test_a_transfer_goes_from_one_known_account_to_another(session):
    ledger.post(
        session,
        source_type="invoice",
        source_id="inv_1",
        kind=PostingKind.FINALIZE,
        currency="USD",
        transfers=[Transfer(debit, Account.REVENUE, 1) for debit in Account
                   if debit is not Account.REVENUE],
    )  # fmt: skip

    with pytest.raises(DatabaseError, match="known_accounts"):
        session.execute(text(LATE_TRANSFER.replace("'tax'", "'my_pocket'")))
