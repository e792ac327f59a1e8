"""The half of the audit that rows alone can tell: every test about money may end with it."""

from sqlalchemy.orm import Session, sessionmaker

from payments_app import audit, clock
from payments_app.audit import books


def broken_rows(sessions: sessionmaker[Session]) -> list[str]:
    """What the row invariants (I4 to I12) find wrong; empty when the books agree."""
    with sessions.begin() as session:
        books.take_snapshot(session)
        findings = audit.read_rows(session, now=clock.now(session))
    return [line for finding in findings if finding.ok is False for line in finding.examples]
