"""How values are written on pages: money, moments, ids. No arithmetic happens here."""

from datetime import UTC, date, datetime
from decimal import Decimal

from babel.dates import format_date
from flask import Flask, g
from markupsafe import Markup

from payments_app.domain.money import Money

_STEPS = ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h"))
DAYS_SHOWN_MAX = 14


def register(app: Flask) -> None:
    app.jinja_env.filters.update(
        money=money,
        when=when,
        moment=datetime.fromisoformat,
        instant=instant,
        day=day,
        iso_day=iso_day,
        plain_number=plain_number,
        short_id=short_id,
    )


def money(minor: int | None, currency: str) -> Markup:
    """``<data value="12000">$120.00</data>``; an unknown amount is a dash that can be heard."""
    if minor is None:
        return Markup('<span aria-hidden="true">—</span><span class="hidden-text">unknown</span>')
    return Markup('<data class="money" value="{}">{}</data>').format(
        minor, Money(minor, currency).format()
    )


def when(moment: datetime | None) -> Markup:
    """Relative to now, with the absolute time to hover and to read by machine."""
    if moment is None:
        return Markup('<span aria-hidden="true">—</span><span class="hidden-text">never</span>')
    return _time(moment, _relative(moment, g.now))


def instant(moment: datetime) -> Markup:
    """To the millisecond, for rows in which order matters."""
    utc = moment.astimezone(UTC)
    return _time(moment, f"{utc:%H:%M:%S}.{utc.microsecond // 1000:03d}")


def day(value: date | datetime | None) -> str:
    if value is None:
        return "—"
    return format_date(value, format="medium", locale="en_US")


def iso_day(value: str) -> str:
    """A date as documents keep it: "2026-11-23" → "Nov 23, 2026"."""
    return day(date.fromisoformat(value))


def plain_number(value: Decimal) -> str:
    """1.500 → 1.5, 2.000 → 2."""
    return f"{value.normalize():f}"


def short_id(value: str) -> str:
    """``pay_…4f2a91c0``: enough to tell two rows apart; the whole id is on its own page."""
    prefix, _, rest = value.partition("_")
    return f"{prefix}_…{rest[-8:]}" if len(rest) > 12 else value


def _time(moment: datetime, text: str) -> Markup:
    utc = moment.astimezone(UTC)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        utc.isoformat(), f"{utc:%Y-%m-%d %H:%M:%S} UTC", text
    )


def _relative(moment: datetime, now: datetime) -> str:
    seconds = (now - moment).total_seconds()
    distance = abs(seconds)
    if distance < 5:
        return "just now" if seconds >= 0 else "in a moment"
    for below, unit, name in _STEPS:
        if distance < below:
            return _phrase(f"{int(distance // unit)} {name}", past=seconds > 0)
    days = int(distance // 86_400)
    if days > DAYS_SHOWN_MAX:
        return day(moment)
    return _phrase(f"{days} day{'s' if days > 1 else ''}", past=seconds > 0)


def _phrase(amount: str, *, past: bool) -> str:
    return f"{amount} ago" if past else f"in {amount}"
