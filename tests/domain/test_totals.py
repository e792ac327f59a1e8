"""The figures of an invoice: each is rounded once, and they add up."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments_app.domain.money import Rounding
from payments_app.domain.totals import compute


@dataclass
class Line:
    quantity: Decimal
    unit_amount_minor: int
    tax_rate: Decimal


def line(quantity: str, unit: int, rate: str) -> Line:
    return Line(Decimal(quantity), unit, Decimal(rate))


lines = st.lists(
    st.builds(
        Line,
        quantity=st.decimals("0.001", 10_000, places=3),
        unit_amount_minor=st.integers(0, 10**9),
        tax_rate=st.one_of(
            st.sampled_from([Decimal(rate) for rate in ("0", "7", "19", "20", "20.000")]),
            st.decimals(0, 100, places=3),
        ),
    ),
    min_size=1,
    max_size=100,
)
rounding = st.sampled_from(list(Rounding))


@given(lines, rounding)
def test_subtotal_and_tax_sum_to_the_total(drafted, mode):
    totals = compute(drafted, mode)

    assert totals.subtotal_minor == sum(totals.line_minor)
    assert totals.total_minor == totals.subtotal_minor + totals.tax_minor
    assert totals.tax_minor == sum(group.tax_minor for group in totals.groups)


@given(lines, rounding)
def test_every_line_belongs_to_exactly_one_tax_group(drafted, mode):
    totals = compute(drafted, mode)

    assert sum(group.base_minor for group in totals.groups) == totals.subtotal_minor
    assert {group.rate for group in totals.groups} == {row.tax_rate for row in drafted}


@given(lines, rounding)
def test_each_figure_is_rounded_once_and_off_by_half_a_unit_at_most(drafted, mode):
    totals = compute(drafted, mode)

    for row, amount in zip(drafted, totals.line_minor, strict=True):
        exact = Fraction(row.quantity) * row.unit_amount_minor
        assert abs(amount - exact) <= Fraction(1, 2)
    for group in totals.groups:
        exact = group.base_minor * Fraction(group.rate) / 100
        assert abs(group.tax_minor - exact) <= Fraction(1, 2)


@given(lines, rounding, st.randoms())
def test_the_order_of_the_lines_changes_no_figure(drafted, mode, random):
    shuffled = random.sample(drafted, len(drafted))

    assert compute(shuffled, mode).groups == compute(drafted, mode).groups
    assert compute(shuffled, mode).total_minor == compute(drafted, mode).total_minor


@given(lines)
def test_the_modes_differ_only_where_a_figure_is_exactly_half_a_unit_over(drafted):
    up, even = compute(drafted, Rounding.HALF_UP), compute(drafted, Rounding.HALF_EVEN)

    for row, rounded_up, to_even in zip(drafted, up.line_minor, even.line_minor, strict=True):
        is_half = (Fraction(row.quantity) * row.unit_amount_minor) % 1 == Fraction(1, 2)
        assert rounded_up - to_even == (1 if is_half and rounded_up % 2 else 0)
    for group in even.groups:
        exact = group.base_minor * Fraction(group.rate) / 100
        assert exact % 1 != Fraction(1, 2) or group.tax_minor % 2 == 0


def test_tax_is_rounded_per_rate_and_not_per_line():
    # 7 % of 0.10 is 0.007 each: per line 3 × 0.01 = 0.03, per rate 0.021 = 0.02.
    totals = compute([line("1", 10, "7")] * 3, Rounding.HALF_UP)

    assert totals.tax_minor == 2


def test_rates_written_differently_are_one_rate():
    totals = compute([line("1", 100, "20"), line("1", 100, "20.000")], Rounding.HALF_UP)

    assert [(group.base_minor, group.tax_minor) for group in totals.groups] == [(200, 40)]


@pytest.mark.parametrize(("mode", "amount"), [(Rounding.HALF_UP, 3), (Rounding.HALF_EVEN, 2)])
def test_the_rounding_mode_decides_halves(mode, amount):
    assert compute([line("2.5", 1, "0")], mode).line_minor == (amount,)
    assert compute([line("1", 50, "5")], mode).tax_minor == amount


def test_a_hundred_largest_lines_are_exact():
    totals = compute([line("999999999", 1_000_000_007, "100")] * 100, Rounding.HALF_UP)

    assert totals.subtotal_minor == 999_999_999 * 1_000_000_007 * 100
    assert totals.tax_minor == totals.subtotal_minor
