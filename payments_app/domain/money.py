"""Money: whole minor units of one ISO 4217 currency, with exact arithmetic.

No float ever becomes money. An amount is an integer of minor units (cents for USD, yen for JPY,
fils for KWD), by ISO 4217's exponents, because those are the units that a gateway charges in; how
it is written comes from Babel's CLDR data. Rates and quantities are Decimals. Fractions are rounded
at one point only, HALF_UP unless told otherwise, and a total is split by largest remainder, so that
the parts always sum to the whole.
"""

import re
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache

from babel.core import Locale, get_global
from babel.numbers import NumberPattern, get_currency_symbol

from payments_app.domain.errors import CurrencyMismatch, InvalidAmount, UnknownCurrency

# A bigint holds 9.2e18; this bound leaves room for sums over a million invoices.
AMOUNT_MINOR_MAX = 999_999_999_999

# ISO 4217's decimals where they are not two. Not CLDR's, which say how prices are written in shops:
# it gives Serbian dinars none, and a thousand of them would be charged as ten.
_NO_DECIMALS = (
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW",
    "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF",
)  # fmt: skip
_THREE_DECIMALS = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")
_DECIMALS = {**dict.fromkeys(_NO_DECIMALS, 0), **dict.fromkeys(_THREE_DECIMALS, 3)}
# Stripe counts these in other units than ISO 4217 (crowns in hundredths, ariary in whole ones): the
# same number would be another amount there.
_COUNTED_OTHERWISE = frozenset({"ISK", "MGA", "UGX"})

_DECIMAL = re.compile(r"-?(?:[0-9]{1,20}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})")


class Rounding(StrEnum):
    """How half a minor unit becomes whole: up, or to the even neighbour, so that over many invoices
    as much is rounded up as down. All other fractions go to the nearer one.
    """

    HALF_UP = "half_up"
    HALF_EVEN = "half_even"


_MODES = {Rounding.HALF_UP: ROUND_HALF_UP, Rounding.HALF_EVEN: ROUND_HALF_EVEN}


@lru_cache(maxsize=1)
def currencies() -> frozenset[str]:
    """Every currency that is legal tender somewhere today (CLDR's data) and can be charged."""
    tender_today = frozenset(
        code
        for uses in get_global("territory_currencies").values()
        for code, _start, end, tender in uses
        if end is None and tender
    )
    return tender_today - _COUNTED_OTHERWISE


def exponent(currency: str) -> int:
    """Decimals of a currency: USD 2, JPY 0, KWD 3. Raises UnknownCurrency."""
    if currency not in currencies():
        raise UnknownCurrency(currency)
    return _DECIMALS.get(currency, 2)


def charge_step(currency: str) -> int:
    """What the gateway takes is a multiple of this many minor units: 10 where there are three
    decimals, else 1.

    Its partners count in hundredths, so the last of three digits must be 0: it takes 5.120 and
    5.130 KWD and refuses 5.124, in payments and in refunds (docs.stripe.com/currencies,
    "Three-decimal currencies").
    """
    return 10 if exponent(currency) == 3 else 1


@dataclass(frozen=True, slots=True)
class Money:
    """``Money(12000, "USD")`` is 120 dollars. Mixed currencies are refused, so are floats."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:  # neither a float nor True
            raise TypeError(f"money is counted in whole minor units, not {self.minor!r}")
        exponent(self.currency)

    @property
    def decimal(self) -> Decimal:
        """The amount in major units, exactly."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._same(other), self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.minor <= self._same(other)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __str__(self) -> str:
        return self.format()

    def format(self, locale: str = "en_US") -> str:
        """For people: ``$1,234.50``; a negative amount carries U+2212."""
        pattern = _pattern(locale, exponent(self.currency))
        text = pattern.apply(
            abs(self.decimal), locale, currency=self.currency, currency_digits=False
        )
        symbol = get_currency_symbol(self.currency, locale=locale)
        if text.startswith(symbol) and symbol[-1].isalpha():  # CLDR's alphaNextToNumber: KWD 1.500
            text = f"{symbol}\N{NO-BREAK SPACE}{text.removeprefix(symbol).lstrip()}"
        return f"\N{MINUS SIGN}{text}" if self.minor < 0 else text

    def _same(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} cannot be mixed.")
        return other.minor


@lru_cache(maxsize=64)
def _pattern(locale: str, digits: int) -> NumberPattern:
    """How the locale writes money, with this many decimals."""
    pattern: NumberPattern = copy(Locale.parse(locale).currency_formats["standard"])
    pattern.frac_prec = (digits, digits)
    return pattern


def parse_major(text: str, currency: str, field: str = "amount") -> Money:
    """What a person typed, ``1,234.50`` or ``1234.5``. Raises InvalidAmount, never guesses."""
    digits = exponent(currency)
    example = "1,234" + (".50" + "0" * (digits - 2) if digits else "")
    cleaned = text.strip()
    whole, _, fraction = cleaned.partition(".")
    groups = whole.removeprefix("-").split(",")
    grouped = len(groups) > 1
    plausible = not grouped or (1 <= len(groups[0]) <= 3 and all(len(g) == 3 for g in groups[1:]))
    plain = whole.replace(",", "") + (f".{fraction}" if fraction else "")
    if not plausible or not plain.removeprefix("-").replace(".", "", 1).isascii():
        raise InvalidAmount(field, f"{text!r} is no amount. Write it like {example}.")
    if not plain.removeprefix("-").replace(".", "", 1).isdigit():
        raise InvalidAmount(field, f"{text!r} is no amount. Write it like {example}.")
    if len(fraction) > digits:
        has = f"has {digits} decimals" if digits else "has no decimals"
        raise InvalidAmount(field, f"{currency} {has}; {text!r} has {len(fraction)}.")
    return bounded(int(Decimal(plain).scaleb(digits)), currency, field)


def bounded(minor: int, currency: str, field: str = "amount") -> Money:
    """Money within what the database and sums can hold. Raises InvalidAmount."""
    if abs(minor) > AMOUNT_MINOR_MAX:
        raise InvalidAmount(field, f"At most {Money(AMOUNT_MINOR_MAX, currency)} is possible.")
    return Money(minor, currency)


def chargeable(amount: Money, field: str, what: str, *, most: Money | None = None) -> Money:
    """An amount that the gateway takes; ``what`` is "a payment". Raises InvalidAmount.

    What would be right is said, but never more than ``most``.
    """
    step = charge_step(amount.currency)
    over = amount.minor % step
    if over == 0:
        return amount
    below = Money(amount.minor - over, amount.currency)
    near = (below, below + Money(step, amount.currency))
    right = [str(each) for each in near if each.minor and (most is None or each <= most)]
    advice = f" Right would be {' or '.join(right)}." if right else ""
    raise InvalidAmount(
        field,
        f"{what.capitalize()} of {amount} is not possible: cards are charged in steps of"
        f" {Money(step, amount.currency)}.{advice}",
    )


def parse_decimal(value: str | int, field: str) -> Decimal:
    """A decimal string such as a quantity or a tax rate. Raises InvalidAmount for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    # Decimal itself reads more than people mean: 1e999999999, 1_000, Infinity, Arabic digits.
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value.strip()):
        raise InvalidAmount(field, f"{value!r} is no decimal number. Write it like 2 or 1.5.")
    return Decimal(value.strip())


def round_minor(amount: Decimal, rounding: Rounding = Rounding.HALF_UP) -> int:
    """A fraction of minor units made whole."""
    return int(amount.quantize(Decimal(1), rounding=_MODES[rounding]))


def split(total_minor: int, weights: Sequence[int | Decimal]) -> list[int]:
    """``total_minor`` in parts proportional to ``weights``, by largest remainder.

    The parts always sum to the whole; ties go to the earlier part. Weights are not negative and
    not all zero (ValueError).
    """
    whole = sum(Fraction(w) for w in weights)
    if whole <= 0 or any(w < 0 for w in weights):
        raise ValueError("weights must be zero or more, and one of them more than zero")
    sign = -1 if total_minor < 0 else 1
    # Fractions, not Decimals: a share rounded up to a whole number would take one too many.
    exact = [abs(total_minor) * Fraction(w) / whole for w in weights]
    parts = [int(share) for share in exact]
    by_remainder = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for index in by_remainder[: abs(total_minor) - sum(parts)]:
        parts[index] += 1
    return [sign * part for part in parts]
