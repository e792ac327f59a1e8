"""Money is exact: no float, no mixed currency, one rounding point, parts that sum to the whole."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments_app.domain.errors import CurrencyMismatch, InvalidAmount, UnknownCurrency
from payments_app.domain.money import (
    AMOUNT_MINOR_MAX,
    Money,
    Rounding,
    bounded,
    charge_step,
    chargeable,
    currencies,
    exponent,
    parse_decimal,
    parse_major,
    round_minor,
    split,
)

minor = st.integers(-AMOUNT_MINOR_MAX, AMOUNT_MINOR_MAX)
currency = st.sampled_from(sorted(currencies()))


@pytest.mark.parametrize(("code", "digits"), [("USD", 2), ("JPY", 0), ("KWD", 3), ("EUR", 2)])
def test_each_currency_has_its_own_number_of_decimals(code, digits):
    assert exponent(code) == digits


@pytest.mark.parametrize(
    ("code", "digits", "written"),
    [
        ("RSD", 2, "RSD\xa01,000.00"),  # a shop's price tag has none: CLDR says 0
        ("ALL", 2, "ALL\xa01,000.00"),
        ("LBP", 2, "LBP\xa01,000.00"),
        ("IQD", 3, "IQD\xa01,000.000"),
        ("CLP", 0, "CLP\xa01,000"),
    ],
)
def test_money_is_counted_in_the_units_that_are_charged_not_those_on_price_tags(
    code, digits, written
):
    assert exponent(code) == digits
    assert parse_major("1,000", code).format() == written


@pytest.mark.parametrize("code", ["ISK", "UGX", "MGA"])
def test_a_currency_that_the_gateway_counts_otherwise_is_refused(code):
    """Stripe takes 1000 ISK for ten crowns: the capture would agree with us, in another amount."""
    with pytest.raises(UnknownCurrency):
        exponent(code)


@pytest.mark.parametrize(
    ("code", "step"), [("KWD", 10), ("BHD", 10), ("JOD", 10), ("OMR", 10), ("TND", 10),
                       ("USD", 1), ("JPY", 1), ("RSD", 1)],
)  # fmt: skip
def test_a_third_decimal_is_no_step_that_cards_are_charged_in(code, step):
    assert charge_step(code) == step


@given(st.integers(1, AMOUNT_MINOR_MAX), currency)
def test_what_cannot_be_charged_is_refused_with_what_could_be(amount, code):
    step = charge_step(code)
    if amount % step == 0:
        assert chargeable(Money(amount, code), "amount_minor", "a payment").minor == amount
        return

    with pytest.raises(InvalidAmount) as refused:
        chargeable(Money(amount, code), "amount_minor", "a payment")

    assert refused.value.field == "amount_minor"
    below, above = (Money(amount // step * step + more, code) for more in (0, step))
    said = str(refused.value)
    assert f"{Money(amount, code)} is not possible" in said
    assert str(above) in said
    assert (f"Right would be {below} or" in said) is (below.minor > 0)


@pytest.mark.parametrize(
    ("amount", "most", "right"),
    [
        (2_005, 2_000, "Right would be KWD 2.000."),
        (2_005, 2_010, "Right would be KWD 2.000 or KWD 2.010."),
        (5, 9, "in steps of KWD 0.010."),
        (5_005, 2_000, "in steps of KWD 0.010."),
    ],
)
def test_never_more_is_suggested_than_is_left(amount, most, right):
    with pytest.raises(InvalidAmount) as refused:
        chargeable(Money(amount, "KWD"), "amount_minor", "a refund", most=Money(most, "KWD"))

    assert str(refused.value).replace("\N{NO-BREAK SPACE}", " ").endswith(right)


@pytest.mark.parametrize("code", ["", "usd", "XXX", "DEM", "US", "DOLLAR", "<script>"])
def test_what_is_no_currency_of_today_is_refused(code):
    with pytest.raises(UnknownCurrency) as refused:
        exponent(code)

    assert refused.value.field == "currency"


@pytest.mark.parametrize("amount", [1.0, 0.1, "1", Decimal(1), None, True])
def test_only_whole_minor_units_become_money(amount):
    with pytest.raises(TypeError):
        Money(amount, "USD")


@given(minor, minor, currency)
def test_adding_and_taking_away_are_exact(a, b, code):
    total = Money(a, code) + Money(b, code)

    assert total.minor == a + b
    assert total - Money(b, code) == Money(a, code)
    assert -total == Money(-a - b, code)


@pytest.mark.parametrize(
    "operation",
    [lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a < b, lambda a, b: a <= b],
)
def test_mixed_currencies_are_refused(operation):
    with pytest.raises(CurrencyMismatch):
        operation(Money(1, "USD"), Money(1, "EUR"))


@given(st.integers(0, AMOUNT_MINOR_MAX), currency)
def test_what_is_written_as_decimals_is_read_back_unchanged(amount, code):
    written = f"{Money(amount, code).decimal:,.{exponent(code)}f}"

    assert parse_major(written, code) == Money(amount, code)


@given(minor, currency)
def test_the_decimal_amount_is_exact(amount, code):
    assert Money(amount, code).decimal * 10 ** exponent(code) == amount


@pytest.mark.parametrize(
    ("text", "code", "amount"),
    [
        ("1,234.50", "USD", 123_450),
        ("1234.5", "USD", 123_450),
        (" 7 ", "USD", 700),
        (".5", "USD", 50),
        ("-3.25", "USD", -325),
        ("1,500", "JPY", 1500),
        ("1.234", "KWD", 1234),
    ],
)
def test_amounts_as_people_type_them(text, code, amount):
    assert parse_major(text, code).minor == amount


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *[(text, "USD") for text in ("", "abc", "1.234,50", "1,23", "1e3", "--5", "5-", "1.2.3")],
        *[(text, "USD") for text in ("NaN", "Infinity", "١٢", "１２", "1 234", "0x10", "$5")],
        ("1.50", "JPY"),
        ("1.234", "USD"),
        ("1.2345", "KWD"),
    ],
)
def test_what_could_be_misread_is_refused_with_an_example(text, code):
    with pytest.raises(InvalidAmount) as refused:
        parse_major(text, code, "lines.0.unit_amount")

    assert refused.value.field == "lines.0.unit_amount"
    assert code in str(refused.value) or "Write it like" in str(refused.value)


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused_and_never_breaks(text):
    try:
        read = parse_major(text, "USD")
    except InvalidAmount:
        return
    assert isinstance(read, Money)


def test_an_amount_too_large_for_the_database_is_refused():
    assert bounded(AMOUNT_MINOR_MAX, "USD").minor == AMOUNT_MINOR_MAX
    with pytest.raises(InvalidAmount):
        bounded(AMOUNT_MINOR_MAX + 1, "USD")
    with pytest.raises(InvalidAmount):
        parse_major("9" * 400, "USD")


@pytest.mark.parametrize(
    "value",
    [1.5, True, None, "", "x", "NaN", "Infinity", "1,5", b"1", [], "1e3", "1_000", "١", "9" * 99],
)
def test_only_decimal_strings_and_whole_numbers_become_decimals(value):
    with pytest.raises(InvalidAmount) as refused:
        parse_decimal(value, "quantity")

    assert refused.value.field == "quantity"


@pytest.mark.parametrize(
    ("value", "number"), [("1.50", "1.5"), (" 2 ", "2"), (3, "3"), ("-1", "-1"), (".5", "0.5")]
)
def test_decimal_strings_and_whole_numbers_are_read_exactly(value, number):
    assert parse_decimal(value, "quantity") == Decimal(number)


@pytest.mark.parametrize(
    ("amount", "up", "even"),
    [("0.5", 1, 0), ("1.5", 2, 2), ("2.5", 3, 2), ("2.4999", 2, 2), ("-0.5", -1, 0), ("7", 7, 7)],
)
def test_halves_go_up_or_to_the_even_neighbour(amount, up, even):
    assert round_minor(Decimal(amount)) == up
    assert round_minor(Decimal(amount), Rounding.HALF_EVEN) == even


weights = st.lists(
    st.one_of(st.integers(0, 10**12), st.decimals(0, 10**6, places=3)), min_size=1, max_size=50
).filter(lambda found: sum(found) > 0)


@given(minor, weights)
def test_the_parts_of_a_split_sum_to_the_whole(total, shares):
    parts = split(total, shares)

    assert sum(parts) == total
    assert len(parts) == len(shares)


@given(minor, weights)
def test_no_part_is_a_whole_unit_away_from_its_exact_share(total, shares):
    whole = sum(Fraction(share) for share in shares)

    for part, share in zip(split(total, shares), shares, strict=True):
        assert abs(part - total * Fraction(share) / whole) < 1


@given(minor, weights)
def test_a_negative_total_is_split_like_its_positive_twin(total, shares):
    assert split(-total, shares) == [-part for part in split(total, shares)]


def test_the_rest_goes_to_the_largest_remainders_and_then_to_the_first():
    assert split(100, [1, 1, 1]) == [34, 33, 33]
    assert split(100, [1, 2]) == [33, 67]
    assert split(1, [0, 1]) == [0, 1]


@pytest.mark.parametrize("shares", [[], [0], [0, 0], [1, -1], [-1]])
def test_weights_that_share_nothing_are_refused(shares):
    with pytest.raises(ValueError, match="weights"):
        split(100, shares)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (Money(123_450, "USD"), "$1,234.50"),
        (Money(-500, "USD"), "\N{MINUS SIGN}$5.00"),
        (Money(0, "USD"), "$0.00"),
        (Money(1500, "JPY"), "¥1,500"),
        (Money(1500, "KWD"), "KWD\N{NO-BREAK SPACE}1.500"),
    ],
)
def test_money_is_shown_with_its_own_decimals_and_a_true_minus_sign(amount, shown):
    assert str(amount) == shown
