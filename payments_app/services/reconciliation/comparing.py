"""Our rows beside their lines: a pure function from two pictures to the differences."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from payments_app.domain.payment import PaymentStatus
from payments_app.domain.reconciliation import BreakKind
from payments_app.domain.refund import RefundStatus
from payments_app.gateway.settlement_report import Line, Report
from payments_app.services.reconciliation.holdings import Holdings, PaymentHeld, RefundHeld


@dataclass(frozen=True, slots=True)
class Difference:
    """One disagreement: what we hold and what they hold, as it will be shown to a person."""

    kind: BreakKind
    subject_id: str
    payment_id: str | None
    ours: Mapping[str, Any] = field(default_factory=dict)
    theirs: Mapping[str, Any] = field(default_factory=dict)


def compare(
    quiet: Iterable[PaymentHeld], known: Holdings, report: Report
) -> tuple[list[Difference], set[str]]:
    """The differences, and the ids of everything that was compared.

    ``quiet`` are the payments that can be compared, ``known`` all of them: a line of a payment that
    is on its way is not compared, but it is not nobody's either.
    """
    owners = {held.intent: held.id for held in known.values() if held.intent}
    charges = _by_payment(report.charges, known, owners)
    refunds = _by_payment(report.refunds, known, owners)
    disputes = _by_payment(report.disputes, known, owners)
    found: list[Difference] = []
    compared: set[str] = set()
    for held in quiet:
        compared |= {held.id, *(refund.id for refund in held.refunds)}
        theirs = charges.get(held.id, [])
        back, taken = refunds.get(held.id, []), disputes.get(held.id, [])
        mine = [*_captures(held, theirs), *_refunds(held, back), *_disputes(held, taken)]
        # A missing capture shows in the ledger too: one cause, one break.
        found += mine or _ledger(held, [*theirs, *back, *taken])
    for kind, lines in (
        (BreakKind.CAPTURE_OF_NOBODY, charges.get(None, [])),
        (BreakKind.REFUND_OF_NOBODY, refunds.get(None, [])),
    ):
        compared |= {line.id for line in lines}
        found += [Difference(kind, line.id, None, {}, _shown(line)) for line in lines]
    return found, compared


def _by_payment(
    lines: Iterable[Line], known: Holdings, owners: Mapping[str, str]
) -> dict[str | None, list[Line]]:
    """Lines by the payment that they name, else by the owner of their intent; None: nobody's."""
    found: dict[str | None, list[Line]] = defaultdict(list)
    for line in lines:
        named = line.payment if line.payment in known else None
        found[named or owners.get(line.intent or "")].append(line)
    return found


def _captures(held: PaymentHeld, lines: Sequence[Line]) -> Iterator[Difference]:
    ours = {
        "status": str(held.status),
        "captured_minor": held.captured_minor,
        "currency": held.currency,
        "intent": held.intent,
    }
    theirs = {"captures": [_shown(line) for line in lines]}
    completed = held.status is PaymentStatus.COMPLETED
    if len(lines) > 1:
        yield Difference(BreakKind.CAPTURED_TWICE, held.id, held.id, ours, theirs)
    if lines and not completed:
        yield Difference(BreakKind.CAPTURED_NOT_COMPLETED, held.id, held.id, ours, theirs)
    # Named after our payment, but taken through another intent: not what we hold as captured. A
    # one-step charge has none.
    elsewhere = [line for line in lines if line.intent not in (None, held.intent)]
    if completed and len(lines) == len(elsewhere):
        yield Difference(BreakKind.COMPLETED_NOT_CAPTURED, held.id, held.id, ours, theirs)
    if completed and len(lines) == 1:
        line = lines[0]
        if (line.amount_minor, line.currency) != (held.captured_minor, held.currency):
            yield Difference(BreakKind.CAPTURED_AMOUNT_DIFFERS, held.id, held.id, ours, theirs)


def _refunds(held: PaymentHeld, lines: Sequence[Line]) -> Iterator[Difference]:
    ids = {refund.id for refund in held.refunds}
    gateway_ids = {refund.gateway_refund_id for refund in held.refunds}
    for refund in held.refunds:
        mine = [line for line in lines if _is_of(line, refund)]
        yield from _refund(held, refund, mine)
    for line in lines:
        if line.refund not in ids and line.id not in gateway_ids:
            # Of our payment, but made by somebody else: in the gateway's dashboard, for example.
            yield Difference(
                BreakKind.REFUND_OF_NOBODY, line.id, held.id, {"refunds": sorted(ids)}, _shown(line)
            )


def _refund(held: PaymentHeld, refund: RefundHeld, lines: Sequence[Line]) -> Iterator[Difference]:
    ours = {"status": str(refund.status), "amount_minor": refund.amount_minor}
    theirs = {"refunds": [_shown(line) for line in lines]}
    completed = refund.status is RefundStatus.COMPLETED
    kind = None
    if lines and not completed:
        kind = BreakKind.REFUNDED_NOT_COMPLETED
    elif completed and not lines:
        kind = BreakKind.REFUND_NOT_MADE
    elif completed and sum(line.amount_minor for line in lines) != refund.amount_minor:
        kind = BreakKind.REFUND_AMOUNT_DIFFERS
    if kind is not None:
        yield Difference(kind, refund.id, held.id, ours, theirs)


def _disputes(held: PaymentHeld, lines: Sequence[Line]) -> Iterator[Difference]:
    if {line.id for line in lines} != set(held.disputes):
        yield Difference(
            BreakKind.DISPUTES_DIFFER,
            held.id,
            held.id,
            {"disputes": list(held.disputes)},
            {"disputes": [_shown(line) for line in lines]},
        )


def _ledger(held: PaymentHeld, lines: Iterable[Line]) -> list[Difference]:
    net_minor = sum(line.net_minor for line in lines)
    if net_minor == held.clearing_minor:
        return []
    ours, theirs = {"clearing_minor": held.clearing_minor}, {"net_minor": net_minor}
    return [Difference(BreakKind.LEDGER_DIFFERS, held.id, held.id, ours, theirs)]


def _is_of(line: Line, refund: RefundHeld) -> bool:
    return refund.id == line.refund or refund.gateway_refund_id == line.id


def _shown(line: Line) -> dict[str, Any]:
    return {
        "id": line.id,
        "intent": line.intent,
        "payment": line.payment,
        "amount_minor": line.amount_minor,
        "currency": line.currency,
    }
