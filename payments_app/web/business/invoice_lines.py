"""The invoice form as a value: its lines, what they add up to, and what is wrong with each.

The rules are the domain's; here text becomes values, line by line, so that all mistakes are shown
at once. Prices are read in the form's currency: "1.50" means nothing in yen.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import request

from payments_app.domain.errors import DomainError, Invalid, InvalidAmount, UnknownCurrency
from payments_app.domain.invoice import LINES_MAX, TERMS_DAYS, Invoice
from payments_app.domain.money import Money, Rounding, currencies, parse_decimal, parse_major
from payments_app.domain.totals import Totals, compute
from payments_app.services.invoices import LineDraft
from payments_app.services.invoices.drafts import require_payable
from payments_app.services.invoices.lines import checked_lines
from payments_app.web.forms import Form, checked_date, one_of

# The usual ones first; every currency that is in use can be chosen.
USUAL = ("USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "KWD")
CURRENCIES = [(code, code) for code in (*USUAL, *sorted(currencies() - set(USUAL)))]
ROUNDINGS = [
    (Rounding.HALF_UP.value, "Halves up, as usual"),
    (Rounding.HALF_EVEN.value, "Halves to even"),
]
COLUMNS = ("description", "quantity", "unit_price", "tax_rate")
# The field of a service's refusal → the field of the form.
_RENAMED = {"unit_amount_minor": "unit_price"}


@dataclass
class Line:
    """One line as typed; ``amount_minor`` is what it comes to, where that can be said."""

    values: dict[str, str]
    amount_minor: int | None = None
    is_new: bool = False

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    @property
    def is_blank(self) -> bool:
        return not self["description"].strip() and not self["unit_price"].strip()


@dataclass
class Sums:
    """Totals for people; None while a line cannot be read. ``refused`` is what saving would say."""

    currency: str
    totals: Totals | None = None
    refused: str = ""


class InvoiceForm(Form):
    """The invoice form. ``lines`` are in the order in which they are shown."""

    def __init__(self, values: dict[str, str], lines: list[Line]) -> None:
        super().__init__(values)
        self.lines = lines or [_blank_line()]

    @classmethod
    def blank(cls, today: date, *, customer_id: str) -> "InvoiceForm":
        due = (today + timedelta(days=TERMS_DAYS)).isoformat()
        values = {"customer_id": customer_id, "currency": "USD", "due_date": due}
        return cls({**values, "rounding": Rounding.HALF_UP}, [])

    @classmethod
    def of(cls, invoice: Invoice) -> "InvoiceForm":
        values = {
            "customer_id": invoice.customer_id,
            "currency": invoice.currency,
            "rounding": invoice.rounding,
            "due_date": invoice.due_date.isoformat() if invoice.due_date else "",
            "memo": invoice.memo,
            "version": str(invoice.version),
        }
        lines = [
            Line(
                {
                    "description": line.description,
                    "quantity": f"{line.quantity.normalize():f}",
                    "unit_price": f"{Money(line.unit_amount_minor, invoice.currency).decimal:f}",
                    "tax_rate": f"{line.tax_rate.normalize():f}",
                }
            )
            for line in invoice.lines
        ]
        return cls(values, lines)

    @classmethod
    def submitted(cls) -> "InvoiceForm":
        columns = [request.form.getlist(name) for name in COLUMNS]
        count = min(max(map(len, columns)), LINES_MAX + 1)
        lines = [
            Line({name: _at(column, n) for name, column in zip(COLUMNS, columns, strict=True)})
            for n in range(count)
        ]
        return cls({name: request.form[name] for name in request.form}, lines)

    def rearrange(self) -> bool:
        """Add, remove or move a line if a button said so. True: nothing is to be saved now."""
        verb, _, at = self["do"].partition("-")
        n = int(at) if at.isdecimal() else -1
        if verb == "add":
            self.lines.append(_blank_line())
        elif verb == "remove" and 0 <= n < len(self.lines):
            del self.lines[n]
            self.lines = self.lines or [_blank_line()]
        elif verb == "up" and 0 < n < len(self.lines):
            self.lines[n - 1 : n + 1] = [self.lines[n], self.lines[n - 1]]
        elif verb == "down" and 0 <= n < len(self.lines) - 1:
            self.lines[n : n + 2] = [self.lines[n + 1], self.lines[n]]
        return verb in {"add", "remove", "up", "down", "totals"}

    def draft(self) -> dict[str, Any] | None:
        """What to save; None when something is wrong, with every message in ``errors``."""
        if not self["customer_id"]:
            self.refuse("customer_id", "Choose a customer.")
        due = self.read("due_date", checked_date)
        rounding = self.read("rounding", _rounding)
        lines = self._read_lines()
        if rounding is not None and not self.errors:
            try:
                checked_lines(lines, self["currency"], rounding)
            except DomainError as error:
                self.take(error)
        if self.errors:
            return None
        return {
            "customer_id": self["customer_id"],
            "currency": self["currency"],
            "lines": lines,
            "due_date": due,
            "memo": self["memo"].replace("\r\n", "\n"),
            "rounding": rounding,
        }

    @property
    def sums(self) -> Sums:
        """Totals of the lines that can be read so far; sets each line's amount."""
        reader = InvoiceForm(dict(self.values), self.lines)
        known = self["currency"] in currencies()
        drafts = reader._read_lines() if known else []
        rounding = reader.read("rounding", _rounding)
        if reader.errors or rounding is None or not known:
            return Sums(self["currency"] if known else "USD")
        totals = compute(drafts, rounding)
        for line, amount in zip(self._written(), totals.line_minor, strict=True):
            line.amount_minor = amount
        return Sums(self["currency"], totals, _refusal(totals.total_minor, self["currency"]))

    def take(self, error: DomainError) -> None:
        super().take(error)
        for name in [name for name in self.errors if name.startswith("lines.")]:
            head, _, last = name.rpartition(".")
            if last in _RENAMED:
                self.errors[f"{head}.{_RENAMED[last]}"] = self.errors.pop(name)

    def _written(self) -> list[Line]:
        """Lines with something in them: an empty one at the end is an offer, no mistake."""
        return [line for line in self.lines if not line.is_blank] or self.lines[:1]

    def _read_lines(self) -> list[LineDraft]:
        self.lines = self._written()
        read = [self._read_line(n, line) for n, line in enumerate(self.lines)]
        return [line for line in read if line is not None]

    def _read_line(self, n: int, line: Line) -> LineDraft | None:
        at = f"lines.{n}"
        if not line["description"].strip():
            self.refuse(f"{at}.description", f"Line {n + 1}: enter a description.")
        quantity = self._value(f"{at}.quantity", line["quantity"], parse_decimal)
        rate = self._value(f"{at}.tax_rate", line["tax_rate"] or "0", parse_decimal)
        price = self._value(f"{at}.unit_price", line["unit_price"], self._price)
        if quantity is None or rate is None or price is None:
            return None
        return LineDraft(line["description"], quantity, price.minor, rate)

    def _price(self, value: str, name: str) -> Money:
        if not value.strip():
            raise Invalid(name, "enter a unit price like 120.00.")
        return parse_major(value, self["currency"], name)

    def _value(self, name: str, value: str, reader: Any) -> Any:  # noqa: ANN401 - per column
        try:
            return reader(value, name)
        except UnknownCurrency as error:
            self.refuse("currency", str(error))
        except Invalid as error:
            self.refuse(name, f"Line {int(name.split('.')[1]) + 1}: {error}")
        return None


def _refusal(total_minor: int, currency: str) -> str:
    """Why a total cannot be saved, or nothing."""
    try:
        require_payable(Money(total_minor, currency))
    except InvalidAmount as error:
        return str(error)
    return ""


def _blank_line() -> Line:
    return Line({"quantity": "1", "tax_rate": "0"}, is_new=True)


def _rounding(chosen: str) -> Rounding:
    # Nothing is chosen by a form that was drawn before there was a choice.
    known = chosen or Rounding.HALF_UP
    return Rounding(one_of(known, dict(ROUNDINGS), "rounding", "Choose how halves are rounded."))


def _at(column: list[str], n: int) -> str:
    return column[n] if n < len(column) else ""
