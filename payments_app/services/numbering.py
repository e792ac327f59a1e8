"""Gapless numbers: one row per series, taken as the last lock of the numbering transaction.

A sequence would leave a hole with every rollback, and a hole in a series of invoices must be
explained to a tax office. The row's lock is the price: two finalising transactions wait for each
other here, and only here, so the lock is taken last and never inside a payment transaction.
"""

from enum import StrEnum

from sqlalchemy import update
from sqlalchemy.orm import Session

from payments_app.domain.invoice import NumberSeries

# Six digits sort as text up to a million documents; longer numbers simply grow.
DIGITS = 6


class Series(StrEnum):
    """The name of a series in ``number_series``."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


PREFIXES = {Series.INVOICE: "INV", Series.CREDIT_NOTE: "CN"}


def take(session: Session, series: Series) -> str:
    """The next number, ``INV-000042``. A rollback gives it back; other takers wait until then."""
    value = session.execute(
        update(NumberSeries)
        .where(NumberSeries.name == series)
        .values(next_value=NumberSeries.next_value + 1)
        .returning(NumberSeries.next_value - 1)
        .execution_options(synchronize_session=False)
    ).scalar_one()
    return f"{PREFIXES[series]}-{value:0{DIGITS}d}"
