"""The scoreboard: invariants as SQL over the gateway's journal and our books, with the SQL shown.

The journal is copied into tables of the run's own database (schema ``lab``) when the run is over,
so that each figure is one query that anybody can read. A figure that our own tables alone could
give would believe every mistake that it was meant to find.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, TextClause, text

from payments_app.lab.rest import KINDS

SQL = Path(__file__).parent / "sql"
# More payments than any story but the storm makes.
MANY = 2
ALL_ONCE = "every payment charged once"
SOME_WRONG = "some payments wrong"


@dataclass(frozen=True, slots=True)
class Invariant:
    """``id`` is also the name of its file under sql/."""

    id: str
    label: str
    must_be: str

    @property
    def sql(self) -> str:
        return (SQL / "invariants" / f"{self.id}.sql").read_text(encoding="utf-8").strip()


@dataclass(frozen=True, slots=True)
class Score:
    """One row of the scoreboard."""

    id: str
    label: str
    must_be: str
    value: str
    ok: bool
    sql: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a verdict is made of. ``charged``: captures of the purchase that has the most."""

    captures: int
    charged: int
    captured_minor: int
    refunds: int
    refunds_wanted: int
    statuses: tuple[str, ...]
    postings: int
    unfinished: int
    marks: tuple[Mapping[str, Any], ...] = ()


INVARIANTS = (
    Invariant("captures", "captures per purchase", "at most 1"),
    Invariant("ledger", "ledger less gateway", "0.00"),
    Invariant("status", "payments whose status the gateway contradicts", "0"),
    Invariant("receipts", "receipts per captured payment", "1"),
    Invariant("refunds", "given back beyond what was wanted", "0.00"),
    Invariant("jobs", "jobs of money that never end", "0"),
    Invariant("unknown", "payments left unknown", "0"),
)


def take(
    engine: Engine,
    journal: Mapping[str, Any],
    purchases: Mapping[str, int],
    *,
    refunds_wanted: list[int],
) -> tuple[list[Score], Outcome]:
    """Copy the journal into the run's database and ask every question."""
    with engine.begin() as connection:
        connection.exec_driver_sql((SQL / "journal.sql").read_text(encoding="utf-8"))
        _fill(connection, journal, purchases, refunds_wanted)
        scores = [_ask(connection, each) for each in INVARIANTS]
        row = connection.execute(_read("outcome"), {"kinds": KINDS}).mappings().one()
        marks = tuple(dict(mark) for mark in connection.execute(_read("marks")).mappings())
    return scores, Outcome(**{**row, "statuses": tuple(row["statuses"]), "marks": marks})


def verdict(outcome: Outcome) -> str:
    """What became of the money, in a few words; of many payments, whether it was right for all."""
    if len(outcome.marks) > MANY:
        return ALL_ONCE if all(mark["ok"] for mark in outcome.marks) else SOME_WRONG
    head = {0: "not charged", 1: "charged once"}.get(
        outcome.charged, f"charged {outcome.charged} times"
    )
    return head + "".join(f", {each}" for each in _remarks(outcome))


def _remarks(outcome: Outcome) -> list[str]:
    said = []
    wrong = [s for s in outcome.statuses if (s == "completed") != (outcome.captures > 0)]
    if wrong or outcome.captures == 0:
        said.append(f"recorded {(wrong or outcome.statuses)[0]}")
    if outcome.refunds or outcome.refunds_wanted:
        said.append(
            "refunded once" if outcome.refunds == 1 else f"refunded {outcome.refunds} times"
        )
    if outcome.postings > 1:
        said.append(f"posted {outcome.postings} times")
    if outcome.unfinished:
        said.append("stuck")
    return said


def _fill(
    connection: Connection,
    journal: Mapping[str, Any],
    purchases: Mapping[str, int],
    refunds_wanted: list[int],
) -> None:
    rows = {
        "purchases": [{"payment": p, "purchase": n} for p, n in purchases.items()],
        "gateway_captures": journal["captures"],
        "gateway_refunds": journal["refunds"],
        "wanted_refunds": [{"amount_minor": amount} for amount in refunds_wanted],
    }
    for table, values in rows.items():
        for each in values:
            connection.execute(_read(f"fill_{table}"), each)


def _ask(connection: Connection, invariant: Invariant) -> Score:
    row = connection.execute(text(invariant.sql), _given(invariant)).one()
    return Score(
        id=invariant.id,
        label=invariant.label,
        must_be=invariant.must_be,
        value=str(row.value),
        ok=bool(row.ok),
        sql=invariant.sql,
    )


def _given(invariant: Invariant) -> dict[str, Any]:
    return {"kinds": KINDS} if ":kinds" in invariant.sql else {}


def _read(name: str) -> TextClause:
    return text((SQL / f"{name}.sql").read_text(encoding="utf-8"))
