"""The arithmetic of an invoice: lines, tax per rate group, total.

One rounding point for each figure: a line is rounded once to minor units, and tax is computed once
per rate group on the group's sum (not per line, whose roundings would add up to another figure).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from payments_app.domain.money import Rounding, round_minor


class LineLike(Protocol):
    """What a line must tell: how many, at what price in minor units, at which rate in percent."""

    @property
    def quantity(self) -> Decimal: ...
    @property
    def unit_amount_minor(self) -> int: ...
    @property
    def tax_rate(self) -> Decimal: ...


@dataclass(frozen=True, slots=True)
class TaxGroup:
    """All lines of one rate (percent): their sum without tax, and the tax on it."""

    rate: Decimal
    base_minor: int
    tax_minor: int


@dataclass(frozen=True, slots=True)
class Totals:
    """``line_minor`` has one entry per line, in order; groups are sorted by rate."""

    line_minor: tuple[int, ...]
    groups: tuple[TaxGroup, ...]

    @property
    def subtotal_minor(self) -> int:
        return sum(self.line_minor)

    @property
    def tax_minor(self) -> int:
        return sum(group.tax_minor for group in self.groups)

    @property
    def total_minor(self) -> int:
        return self.subtotal_minor + self.tax_minor


def compute(lines: Sequence[LineLike], rounding: Rounding) -> Totals:
    """The figures of an invoice, all in minor units of its one currency, rounded as it says."""
    line_minor = tuple(
        round_minor(line.quantity * line.unit_amount_minor, rounding) for line in lines
    )
    base: dict[Decimal, int] = defaultdict(int)
    for line, amount in zip(lines, line_minor, strict=True):
        base[line.tax_rate.normalize()] += amount
    groups = tuple(
        TaxGroup(rate, base[rate], round_minor(base[rate] * rate / 100, rounding))
        for rate in sorted(base)
    )
    return Totals(line_minor, groups)
