"""The plan of the sample business: 40 customers and 120 invoices over three months. Pure.

One fixed seed decides everything, so that every run plans the same names, lines, dates and fates;
the date of today is the only thing it depends on.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

SEED = 20_260
DAYS = 91
TERMS_DAYS = 14


class Fate(StrEnum):
    """What becomes of an invoice."""

    PAID = "paid"
    PAID_IN_TWO = "paid in two parts"
    PAID_AFTER_DECLINE = "paid with a second card"
    REFUNDED = "paid, then partly refunded"
    PARTLY_PAID = "partly paid"
    DECLINED = "open, card declined"
    CANCELLED = "open, payment cancelled"
    WAITING = "open, payment waits for funds"
    OPEN = "open"
    OVERDUE = "overdue"
    DRAFT = "draft"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"


# fate → (how many, youngest, oldest in days). Together 120.
FATES: dict[Fate, tuple[int, int, int]] = {
    Fate.PAID: (54, 1, DAYS - 1),
    Fate.PAID_IN_TWO: (5, 10, 70),
    Fate.PAID_AFTER_DECLINE: (5, 3, 80),
    Fate.REFUNDED: (3, 12, 60),
    Fate.PARTLY_PAID: (6, 2, 13),
    Fate.DECLINED: (4, 0, 12),
    Fate.CANCELLED: (3, 1, 12),
    Fate.WAITING: (1, 0, 0),
    Fate.OPEN: (12, 0, 12),
    Fate.OVERDUE: (12, 16, 60),
    Fate.DRAFT: (7, 0, 4),
    Fate.VOID: (4, 20, 80),
    Fate.UNCOLLECTIBLE: (4, 65, DAYS - 1),
}


@dataclass(frozen=True, slots=True)
class CustomerPlan:
    name: str
    email: str
    address: str
    currency: str
    tax_rate: Decimal


@dataclass(frozen=True, slots=True)
class LinePlan:
    description: str
    quantity: Decimal
    unit_amount_minor: int
    tax_rate: Decimal


@dataclass(frozen=True, slots=True)
class InvoicePlan:
    """``reference`` is unique and goes into the memo: by it a second run knows the invoice."""

    reference: str
    customer: CustomerPlan
    lines: tuple[LinePlan, ...]
    fate: Fate
    issued_on: date
    pays_after_days: int


@dataclass(frozen=True, slots=True)
class Plan:
    customers: tuple[CustomerPlan, ...]
    invoices: tuple[InvoicePlan, ...]  # oldest first, as their numbers will be


def make(today: date) -> Plan:
    dice = random.Random(SEED)  # noqa: S311 - must repeat, not be secret
    customers = tuple(_customers(dice))
    drafts = list(_drafts(dice, customers, today))
    drafts.sort(key=lambda each: each[2])
    invoices = tuple(
        InvoicePlan(f"Order S-{1000 + n}", customer, _lines(dice, customer), fate, on, pays)
        for n, (customer, fate, on, pays) in enumerate(drafts, start=1)
    )
    return Plan(customers, invoices)


# place: (currency, usual tax rate, town)
PLACES = (
    *[("USD", "8.25", "Austin, TX 78701")] * 5,
    *[("EUR", "19", "20095 Hamburg")] * 3,
    ("EUR", "21", "1012 AB Amsterdam"),
    ("GBP", "20", "Leeds LS1 4DY"),
    ("JPY", "10", "Kyoto 604-8001"),
    ("KWD", "0", "Kuwait City 13001"),
)
FIRST = (
    *("Northwind", "Harbour", "Blue Heron", "Old Mill", "Lindgren", "Copper", "Juniper", "Marlow"),
    *("Sato", "Evergreen", "Castell", "Foxglove", "Granite", "Halyard", "Ironbridge", "Kestrel"),
    *("Larkspur", "Meridian", "Nettle", "Orchard"),
)
TRADE = ("Bakery", "Cycles", "Books", "Dental", "Studio", "Logistics", "Coffee", "Joinery")
STREETS = ("Mill Lane", "Station Road", "Hafenstraße", "Main Street", "Canal Walk", "Park Avenue")
# description, price in hundredths of a dollar, highest quantity
GOODS = (
    ("Website maintenance, monthly", 24_000, 1),
    ("Consulting, per hour", 12_500, 16),
    ("Online shop set-up", 145_000, 1),
    ("Product photography, per item", 3_900, 30),
    ("Newsletter design", 38_000, 2),
    ("Support plan “Calm”", 9_900, 3),
    ("Domain and e-mail, yearly", 4_800, 4),
    ("Workshop, half day", 62_000, 2),
    ("Data migration, per hour", 11_000, 12),
    ("Hosting, monthly", 2_900, 12),
)
# A hundredth of a dollar in the minor units of others, near enough for a sample.
MINOR_PER_CENT = {"USD": 1, "EUR": 1, "GBP": 1, "JPY": 1, "KWD": 3}


def _customers(dice: random.Random) -> Iterator[CustomerPlan]:
    names = [f"{first} {trade}" for first in FIRST for trade in TRADE]
    for name in dice.sample(names, 40):
        currency, rate, town = dice.choice(PLACES)
        street = f"{dice.randint(1, 120)} {dice.choice(STREETS)}"
        host = name.lower().replace(" ", "-")
        yield CustomerPlan(
            name, f"accounts@{host}.example", f"{street}\n{town}", currency, Decimal(rate)
        )


def _drafts(
    dice: random.Random, customers: tuple[CustomerPlan, ...], today: date
) -> Iterator[tuple[CustomerPlan, Fate, date, int]]:
    # Everybody has one invoice, and some are better customers than others.
    crowd = [*customers, *dice.choices(customers, k=80)]
    dice.shuffle(crowd)
    for fate, (count, youngest, oldest) in FATES.items():
        for _ in range(count):
            age = dice.randint(youngest, oldest)
            pays_after = min(age, dice.randint(0, 12))
            yield crowd.pop(), fate, today - timedelta(days=age), pays_after


def _lines(dice: random.Random, customer: CustomerPlan) -> tuple[LinePlan, ...]:
    factor = MINOR_PER_CENT[customer.currency]
    return tuple(
        LinePlan(
            description,
            Decimal(dice.randint(1, most)),
            price * factor,
            customer.tax_rate,
        )
        for description, price, most in dice.sample(GOODS, dice.choice((1, 1, 2, 2, 3)))
    )
