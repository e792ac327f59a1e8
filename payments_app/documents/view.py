"""From a frozen document to the strings on paper. All formatting is done here, none in typst.

Every document becomes the same shape: a heading, facts, parties, one table, sums, notes. The
template places them and decides nothing.
"""

from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from babel.dates import format_date
from babel.numbers import format_decimal, get_currency_name

from payments_app.documents.frozen import Frozen
from payments_app.documents.glyphs import printable
from payments_app.domain.money import Money

LOCALE = "en_US"

View = dict[str, Any]


def of(document: Frozen) -> View:
    """What the template prints; every text in it can be printed by the shipped fonts."""
    parts = _KINDS[document["kind"]](document)
    currency = document["currency"]
    issued = date.fromisoformat(document["issue_date"])
    plural = get_currency_name(currency, count=2, locale=LOCALE)
    view: View = {
        "number": document["number"],
        "seller": document["seller"],
        "customer": document["customer"],
        "date": [issued.year, issued.month, issued.day],
        "currency": f"All amounts in {plural} ({currency}).",
        "notes": [],
        **parts,
    }
    safe: View = _printable(view)
    return safe


def _invoice(document: Frozen) -> View:
    money = _formatter(document)
    due = _day(document["due_date"])
    return {
        "title": "Invoice",
        "facts": [
            ["Number", document["number"]],
            ["Issue date", _day(document["issue_date"])],
            ["Due date", due],
        ],
        "headline": {
            "label": "Amount due",
            "value": money(document["total_minor"]),
            "detail": f"Due {due}",
        },
        "party": "Billed to",
        "table": {
            "columns": ["Description", "Quantity", "Unit price", "Tax", "Amount"],
            "rows": [
                [
                    line["description"],
                    _number(line["quantity"]),
                    money(line["unit_amount_minor"]),
                    _percent(line["tax_rate"]),
                    money(line["amount_minor"]),
                ]
                for line in document["lines"]
            ],
        },
        "sums": [
            ["Subtotal", money(document["subtotal_minor"])],
            *_tax_sums(document["tax_groups"], money),
        ],
        "total": ["Total", money(document["total_minor"])],
        "notes": [["Note", document["memo"]]] if document["memo"] else [],
    }


def _credit_note(document: Frozen) -> View:
    money = _formatter(document)
    number, issued = document["invoice_number"], _day(document["issue_date"])
    notes = [["Reason", document["reason"]]] if document["reason"] else []
    return {
        "title": "Credit note",
        "facts": [
            ["Number", document["number"]],
            ["Issue date", issued],
            ["For invoice", number],
            ["Issued on", _day(document["invoice_date"])],
        ],
        "headline": {
            "label": "Amount credited",
            "value": money(document["total_minor"]),
            "detail": f"Invoice {number}",
        },
        "party": "Credited to",
        "table": {
            "columns": ["Description", "Amount"],
            "rows": [[f"Credit on invoice {number}, without tax", money(document["net_minor"])]],
        },
        "sums": [
            ["Subtotal", money(document["net_minor"])],
            ["Tax", money(document["tax_minor"])],
        ],
        "total": ["Total credited", money(document["total_minor"])],
        "notes": notes,
    }


def _receipt(document: Frozen) -> View:
    money = _formatter(document)
    number, paid_on = document["number"], _day(document["issue_date"])
    references = [f"Payment {document['payment_id']}"]
    if document["charge_id"]:
        references.append(f"Charge {document['charge_id']}")
    return {
        "title": "Receipt",
        "facts": [
            ["Paid on", paid_on],
            ["For invoice", number],
            ["Issued on", _day(document["invoice_date"])],
        ],
        "headline": {
            "label": "Amount paid",
            "value": money(document["total_minor"]),
            "detail": f"Paid {paid_on}",
        },
        "party": "Received from",
        "table": {
            "columns": ["Description", "Amount"],
            "rows": [[f"Card payment of invoice {number}", money(document["total_minor"])]],
        },
        "sums": [["Total of the invoice", money(document["invoice_total_minor"])]],
        "total": ["Paid with this payment", money(document["total_minor"])],
        "notes": [
            ["Thank you", "This payment was charged once. Keep this receipt."],
            ["References", "\n".join(references)],
        ],
    }


_KINDS: dict[str, Callable[[Frozen], View]] = {
    "invoice": _invoice,
    "credit_note": _credit_note,
    "receipt": _receipt,
}


def _tax_sums(groups: Iterable[Frozen], money: Callable[[int], str]) -> list[list[str]]:
    return [
        [
            f"Tax {_percent(group['rate'])} on {money(group['base_minor'])}",
            money(group["tax_minor"]),
        ]
        for group in groups
    ]


def _formatter(document: Frozen) -> Callable[[int], str]:
    currency = document["currency"]
    return lambda minor: Money(minor, currency).format(LOCALE)


def _number(text: str) -> str:
    return format_decimal(Decimal(text), locale=LOCALE)


def _percent(text: str) -> str:
    return f"{_number(text)}\N{NO-BREAK SPACE}%"


def _day(text: str) -> str:
    return format_date(date.fromisoformat(text), format="long", locale=LOCALE)


def _printable(part: Any) -> Any:  # noqa: ANN401 - any part of a JSON document
    if isinstance(part, str):
        return printable(part)
    if isinstance(part, dict):
        return {key: _printable(value) for key, value in part.items()}
    if isinstance(part, list):
        return [_printable(value) for value in part]
    return part
