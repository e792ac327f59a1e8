"""One whole audit: rows and books in a snapshot, the journal without a transaction, books again.

Both doors call this, ``flask audit`` and the hourly job, so that they cannot find different things.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

from sqlalchemy.orm import Session

from payments_app import clock
from payments_app.audit import books, journal, money
from payments_app.audit.finding import Finding, merged
from payments_app.audit.journal import JournalUnavailable
from payments_app.audit.rows import read_rows

Transactions = Callable[[], AbstractContextManager[Session]]


def look(transactions: Transactions, gateway_url: str) -> tuple[list[Finding], str | None]:
    """Every invariant's finding, and what kept the journal from being read."""
    with transactions() as session:
        books.take_snapshot(session)
        rows = read_rows(session, now=clock.now(session))
        before = books.read(session)
    try:
        told = journal.fetch(gateway_url)
    except JournalUnavailable as error:
        return merged(rows, money.not_compared(str(error))), str(error)
    with transactions() as session:
        books.take_snapshot(session)
        after = books.read(session)
        explained = books.explained(session)
    return merged(rows, money.compare(before, after, told, explained=explained)), None
