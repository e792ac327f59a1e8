"""A list as a CSV file: RFC 4180, UTF-8, amounts as plain decimals beside their currency.

A cell that a spreadsheet would take for a formula gets an apostrophe in front: a customer's name is
somebody else's text, and must not run on our accountant's machine.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

from flask import Response

from payments_app.domain.money import exponent

# More is no list that a person reads; a narrower filter gives the rest.
ROWS_MAX = 50_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Cell = str | int | datetime | date | None


def download(name: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Response:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_shown(cell) for cell in row] for row in rows)
    response = Response(text.getvalue(), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def decimal(minor: int, currency: str) -> str:
    """``12050`` in USD is ``120.50``; in JPY it is ``12050``."""
    places = exponent(currency)
    sign, digits = "-" if minor < 0 else "", str(abs(minor)).rjust(places + 1, "0")
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"


class Amount(str):
    """A number of ours: its minus sign is no formula."""

    __slots__ = ()


def amount(minor: int, currency: str) -> Amount:
    return Amount(decimal(minor, currency))


def _shown(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).isoformat(timespec="seconds")
    if isinstance(cell, date):
        return cell.isoformat()
    text = str(cell)
    unsafe = not isinstance(cell, Amount | int) and text.startswith(_FORMULA)
    return f"'{text}" if unsafe else text
