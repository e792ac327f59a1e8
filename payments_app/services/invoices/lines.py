"""The lines of a draft, checked one by one; a refusal names the line: ``lines.0.quantity``."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from payments_app.domain.customer import checked_text
from payments_app.domain.errors import Invalid, InvalidAmount
from payments_app.domain.invoice import LINES_MAX, InvoiceLine
from payments_app.domain.money import AMOUNT_MINOR_MAX, Money, Rounding, bounded
from payments_app.domain.totals import Totals, compute

DECIMALS_MAX = 3
QUANTITY_MAX = Decimal(999_999_999)  # what numeric(12, 3) holds before the point
TAX_RATE_MAX = Decimal(100)


@dataclass(frozen=True, slots=True)
class LineDraft:
    """One line as it was asked for: price without tax in minor units, tax rate in percent."""

    description: str
    quantity: Decimal
    unit_amount_minor: int
    tax_rate: Decimal


def checked_lines(
    lines: Sequence[LineDraft], currency: str, rounding: Rounding
) -> tuple[list[InvoiceLine], Totals]:
    """Rows for the lines, in order, and their totals. Raises Invalid or InvalidAmount."""
    if not lines:
        raise Invalid("lines", "Add at least one line.")
    if len(lines) > LINES_MAX:
        raise Invalid("lines", f"At most {LINES_MAX} lines; this has {len(lines)}.")
    rows = [_checked(line, f"lines.{index}", index, currency) for index, line in enumerate(lines)]
    totals = compute(rows, rounding)
    bounded(totals.total_minor, currency, "lines")
    return rows, totals


def _checked(line: LineDraft, path: str, index: int, currency: str) -> InvoiceLine:
    return InvoiceLine(
        position=index + 1,
        description=checked_text(line.description, f"{path}.description", required=True),
        quantity=_quantity(line.quantity, f"{path}.quantity"),
        unit_amount_minor=_unit_amount(
            line.unit_amount_minor, f"{path}.unit_amount_minor", currency
        ),
        tax_rate=_tax_rate(line.tax_rate, f"{path}.tax_rate"),
    )


def _quantity(quantity: Decimal, field: str) -> Decimal:
    _require_decimal(quantity, field)
    if quantity <= 0:
        raise InvalidAmount(field, f"The quantity must be more than 0; this is {quantity:f}.")
    if quantity > QUANTITY_MAX:
        raise InvalidAmount(field, f"The quantity can be at most {QUANTITY_MAX:,}.")
    return quantity


def _tax_rate(rate: Decimal, field: str) -> Decimal:
    _require_decimal(rate, field)
    if not 0 <= rate <= TAX_RATE_MAX:
        raise InvalidAmount(field, f"The tax rate is a percentage from 0 to 100; this is {rate:f}.")
    return rate


def _unit_amount(amount: object, field: str, currency: str) -> int:
    if not isinstance(amount, int) or isinstance(amount, bool):
        raise InvalidAmount(field, f"The price is a whole number of minor units, not {amount!r}.")
    if amount < 0:
        raise InvalidAmount(field, "The price must be 0 or more.")
    if amount > AMOUNT_MINOR_MAX:
        raise InvalidAmount(field, f"The price is at most {Money(AMOUNT_MINOR_MAX, currency)}.")
    return amount


def _require_decimal(number: object, field: str) -> None:
    # A float has been rounded before we see it: 0.1 is not a tenth.
    if not isinstance(number, Decimal) or not number.is_finite():
        raise InvalidAmount(field, f"{number!r} is no decimal number. Write it like 2 or 1.5.")
    # normalize() drops trailing zeros: 2.5000 has one decimal.
    exponent = number.normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > DECIMALS_MAX:
        raise InvalidAmount(field, f"At most {DECIMALS_MAX} decimals; this has {-exponent}.")
