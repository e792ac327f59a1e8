"""I1 to I4 against the journal: what we believe beside what happened. Pure functions of values.

I1 needs no rest: two captures of one payment are wrong whenever they are seen. The others speak of
payments at rest that stood still while the journal was read, so that an audit beside live traffic
raises no false alarm.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from payments_app.audit.books import Books, PaymentHeld, RefundHeld, stood_still
from payments_app.audit.finding import Finding
from payments_app.audit.journal import ByPayment, Journal, Movement
from payments_app.domain.payment import PaymentStatus
from payments_app.domain.refund import RefundStatus

I1 = ("I1", "at most one capture per payment at the gateway")
I2 = ("I2", "at rest: completed exactly when the gateway captured, with equal amounts")
I3 = ("I3", "refunds within what was captured, each at the gateway once")
I4 = ("I4", "the ledger posts once, recomputes, and its clearing account equals the gateway")


def compare(
    before: Books, after: Books, journal: Journal, *, explained: Collection[str] = ()
) -> list[Finding]:
    """The journal beside the books as they were before and after it was fetched.

    ``explained``: lines of nobody's that a person has accounted for (``books.explained``).
    """
    known = {**before, **after}
    owners = {held.intent: held.id for held in known.values() if held.intent}
    captures = ByPayment(journal.captures, owners)
    refunds = ByPayment(journal.refunds, owners)
    resting = stood_still(before, after)
    return [
        _captured_once(known, captures),
        _completed_means_captured(resting, captures),
        _refunded_once(resting, captures, refunds),
        _clearing_matches(
            resting, journal, owners, [*_of_nobody(known, journal, owners, explained)]
        ),
    ]


def not_compared(why: str) -> list[Finding]:
    """What to report when the journal could not be read."""
    return [Finding.unchecked(id, title, why) for id, title in (I1, I2, I3, I4)]


def _captured_once(known: Books, captures: ByPayment) -> Finding:
    offenders = [
        f"{id}: captured {len(found)} times ({_shown(found)})"
        for id in known
        if len(found := captures.of(id)) > 1
    ]
    return Finding.of(*I1, checked=len(known), offenders=offenders)


def _completed_means_captured(resting: list[PaymentHeld], captures: ByPayment) -> Finding:
    offenders = [
        f"{held.id}: {held.status}, {wrong}"
        for held in resting
        if (wrong := _capture_wrong(held, captures.of(held.id)))
    ]
    return Finding.of(*I2, checked=len(resting), offenders=offenders)


def _capture_wrong(held: PaymentHeld, found: list[Movement]) -> str | None:
    if held.status is not PaymentStatus.COMPLETED:
        return f"but the gateway captured {_shown(found)}" if found else None
    if not found:
        return "but the gateway captured nothing"
    if any(capture.intent != _intent_of(held) for capture in found):
        return f"its intent is {held.intent}, the gateway captured {_shown(found)}"
    if _sum_of(found, held.currency) != held.captured_minor:
        return f"{held.captured_minor} {held.currency}, the gateway captured {_shown(found)}"
    return None


def _intent_of(held: PaymentHeld) -> str | None:
    """A one-step charge has no intent; the lab's processors keep the charge's id in its place."""
    return None if (held.intent or "").startswith("ch_") else held.intent


def _refunded_once(resting: list[PaymentHeld], captures: ByPayment, refunds: ByPayment) -> Finding:
    offenders: list[str] = []
    for held in resting:
        made = refunds.of(held.id)
        if _total(made) > _total(captures.of(held.id)):
            offenders.append(f"{held.id}: refunded {_shown(made)}, more than was captured")
        offenders += _refunds_wrong(held, made)
    checked = sum(len(held.refunds) for held in resting)
    return Finding.of(*I3, checked=checked, offenders=offenders)


def _refunds_wrong(held: PaymentHeld, made: list[Movement]) -> Iterator[str]:
    for refund in held.refunds:
        found = [movement for movement in made if _is_of(movement, refund)]
        wrong = _refund_wrong(refund, found)
        if wrong:
            yield f"{refund.id} of {held.id}: {refund.status}, {wrong}"
    for movement in made:
        if not any(_is_of(movement, refund) for refund in held.refunds):
            yield f"{held.id}: the gateway refunded {_shown([movement])} that we did not ask for"


def _is_of(movement: Movement, refund: RefundHeld) -> bool:
    if movement.refund is None:
        # Made by hand at the gateway, and recorded as this one by a person.
        return movement.id is not None and movement.id == refund.gateway_id
    return movement.refund == refund.id


def _refund_wrong(refund: RefundHeld, found: list[Movement]) -> str | None:
    if refund.status is not RefundStatus.COMPLETED:
        return f"but the gateway refunded {_shown(found)}" if found else None
    if len(found) != 1:
        return f"at the gateway {len(found)} times"
    if _sum_of(found, refund.currency) != refund.amount_minor:
        return f"{refund.amount_minor} {refund.currency}, the gateway refunded {_shown(found)}"
    if found[0].id not in (None, refund.gateway_id):
        return f"held as {refund.gateway_id}, at the gateway it is {found[0].id}"
    return None


def _clearing_matches(
    resting: list[PaymentHeld], journal: Journal, owners: dict[str, str], of_nobody: list[str]
) -> Finding:
    theirs = _sums(_nets(journal), owners)
    # A dispute that nobody has told us of yet is no mistake of our books: they may be without it.
    news = _sums(journal.news, owners)
    offenders = [
        f"{held.id}: clearing account {held.clearing_minor}, gateway {theirs.get(held.id, 0)}"
        for held in resting
        if theirs.get(held.id, 0) - held.clearing_minor not in (0, news.get(held.id, 0))
    ]
    return Finding.of(*I4, checked=len(resting), offenders=[*offenders, *of_nobody])


def _of_nobody(
    known: Books, journal: Journal, owners: dict[str, str], explained: Collection[str]
) -> Iterator[str]:
    """Money on the gateway's account that is in no book of ours; given back, it is nothing."""
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for movement, net_minor in _nets(journal):
        is_ours = movement.payment in known or movement.intent in owners
        if not is_ours and movement.id not in explained:
            sums[movement.intent or movement.id or "a charge", movement.currency] += net_minor
    for (name, currency), net_minor in sums.items():
        if net_minor:
            yield f"{name}: {net_minor} {currency} at the gateway, of no payment of ours"


def _sums(nets: Iterable[tuple[Movement, int]], owners: dict[str, str]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for movement, net_minor in nets:
        owner = movement.payment or owners.get(movement.intent or "", "")
        sums[owner] = sums.get(owner, 0) + net_minor
    return sums


def _nets(journal: Journal) -> Iterator[tuple[Movement, int]]:
    if journal.exported is not None:
        yield from journal.exported
        return
    yield from ((movement, movement.amount_minor) for movement in journal.captures)
    yield from ((movement, -movement.amount_minor) for movement in journal.refunds)


def _total(movements: Iterable[Movement]) -> int:
    return sum(movement.amount_minor for movement in movements)


def _sum_of(movements: list[Movement], currency: str) -> int | None:
    """None when any of it was in another currency: such amounts have no sum."""
    if any(movement.currency != currency for movement in movements):
        return None
    return _total(movements)


def _shown(movements: list[Movement]) -> str:
    return ", ".join(f"{m.amount_minor} {m.currency} on {m.intent}" for m in movements[:3])
