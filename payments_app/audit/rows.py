"""The invariants that rows alone can tell: one SQL file each, which recomputes from what is under.

Every file in ``sql/`` gives one row: how many things were checked, how many failed, and the first
offenders. They are read in one snapshot and may be read at any time.
"""

from collections import Counter
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments_app.audit.finding import EXAMPLES_MAX, Finding
from payments_app.audit.money import I3, I4
from payments_app.domain import (
    attempt,
    dispute,
    email,
    gateway_request,
    inbound_event,
    invoice,
    outbound,
    payment,
    reconciliation,
)
from payments_app.domain import refund as refund_domain
from payments_app.domain.state_machine import StateMachine

SQL_FOLDER = Path(__file__).parent / "sql"

TITLES = {
    "I3": I3[1],
    "I4": I4[1],
    "I5": "an invoice sums its lines; paid means that allocations and credits make up its total",
    "I6": "no move outside the tables; the log leads to the present state",
    "I7": "nothing open is forgotten: a next action in the future, or a live job",
    "I8": "no state has left an absorbing state, no job ended twice",
    "I9": "same key, same request; one answer per key",
    "I10": "outbound events without gaps, one per change",
    "I11": "numbers without gaps or twins per series",
    "I12": "one mail and one document per subject and kind",
}
_FILES = (
    ("I3", "i03_refunds"),
    ("I4", "i04_ledger"),
    ("I4", "i04_accounts"),
    ("I5", "i05_invoices"),
    ("I5", "i05_figures"),
    ("I6", "i06_moves"),
    ("I7", "i07_open_work"),
    ("I8", "i08_absorbing"),
    ("I9", "i09_keys"),
    ("I10", "i10_outbound"),
    ("I11", "i11_numbers"),
    ("I12", "i12_mails"),
)

MACHINES: tuple[StateMachine[Any], ...] = (
    attempt.MOVES,
    dispute.MOVES,
    email.MOVES,
    gateway_request.MOVES,
    inbound_event.MOVES,
    invoice.MOVES,
    outbound.MOVES,
    payment.MOVES,
    reconciliation.MOVES,
    refund_domain.MOVES,
)


def read_rows(session: Session, *, now: datetime) -> list[Finding]:
    """I3 to I12 from our own rows. ``now`` is the time of the session's transaction."""
    findings = [_check(session, id, file, now) for id, file in _FILES]
    findings.append(_moves_are_the_codes(session))
    return findings


def _check(session: Session, id: str, file: str, now: datetime) -> Finding:
    statement = text(_sql(file))
    given = {"now": now, "examples_max": EXAMPLES_MAX}
    wanted = {name: given[name] for name in statement.compile().params}
    row = session.execute(statement, wanted).one()
    examples = tuple(row.examples)
    return Finding(id, TITLES[id], row.failed == 0, row.checked, row.failed, examples)


# Legal once, shown by the log of rows that were written before migration 0009, accepted no more.
_RETIRED = {
    ("gateway_request", "", "prepared"),
    ("gateway_request", "prepared", "sent"),
    ("payment_attempt", "", "prepared"),
    ("payment_attempt", "prepared", "sent"),
    ("payment_attempt", "prepared", "succeeded"),
}


def _moves_are_the_codes(session: Session) -> Finding:
    """The trigger's table is what the code's tables say: a wider one would guard nothing.

    Each machine has one beginning: a second one would let a row be born in any state.
    """
    rows = session.execute(text("SELECT * FROM legal_moves")).all()
    retired = {(row.aggregate, row.from_state, row.to_state) for row in rows if row.retired}
    stored = {(row.aggregate, row.from_state, row.to_state) for row in rows if not row.retired}
    births = Counter(aggregate for aggregate, before, _ in stored if before == "")
    moves = {move for move in stored if move[1] != ""}
    coded = {(each.aggregate, *pair) for each in MACHINES for pair in each.pairs()}
    offenders = [
        f"legal_moves and the code disagree on {aggregate}: {before} → {after}"
        for aggregate, before, after in sorted((moves ^ coded) | (retired - _RETIRED))
    ]
    offenders += [
        f"legal_moves has {births[each.aggregate]} beginnings of {each.aggregate}"
        for each in MACHINES
        if births[each.aggregate] != 1
    ]
    return Finding.of("I6", TITLES["I6"], checked=0, offenders=offenders)


@cache
def _sql(name: str) -> str:
    return (SQL_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
