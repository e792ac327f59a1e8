"""Webhooks from the gateway: kept once, then used as a hint to look, never as an order.

Receiving writes the event and its job in one transaction and answers at once. Handling finds the
payment or refund that the event is about and wakes its job, which asks the gateway itself: so a
duplicated, reordered, early or forged-but-signed event can at most cause one more look.
"""

import json
import re
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.orm import Session

import queue_core
from payments_app.domain.errors import Invalid, InvalidTransition, NotFound
from payments_app.domain.inbound_event import EventStatus, InboundEvent
from payments_app.domain.payment import Payment, PaymentStatus
from payments_app.domain.refund import Refund, RefundStatus
from payments_app.jobs import HandleGatewayEvent
from payments_app.services import disputes, payments, refunds
from payments_app.services.locking import lock_refund

log = structlog.get_logger()

PROVIDER = "gateway"
ID_LENGTH_MAX = 200
# PostgreSQL keeps no NUL in text; an escaped backslash before it makes it harmless.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
INTENT_EVENTS = "payment_intent."
REFUND_EVENTS = ("refund.", "charge.refund.")
DISPUTE_EVENTS = "charge.dispute."


def receive(session: Session, event: object) -> bool:
    """Keep a verified event and insert its job. False if it had come before. Raises Invalid."""
    event_id, kind, subject = _checked(event)
    new = session.execute(
        pg_insert(InboundEvent)
        .values(
            provider=PROVIDER,
            event_id=event_id,
            type=kind,
            object_id=subject,
            payload=event,
            status=EventStatus.RECEIVED,
            times_received=1,
        )
        .on_conflict_do_nothing(index_elements=["provider", "event_id"])
        .returning(InboundEvent.event_id)
    ).scalar_one_or_none()
    if new is None:
        seen = _lock(session, event_id)
        seen.times_received += 1
        session.flush()
        return False
    queue_core.insert(session, HandleGatewayEvent(event_id=event_id))
    return True


def contradicted_payment(session: Session, event_id: str) -> str | None:
    """The payment that we hold as ended unpaid although this event says that it was captured.

    No job of its own would look at the gateway any more, so whoever handles the event must.
    """
    event = _lock(session, event_id)
    if not (event.type.startswith(INTENT_EVENTS) and event.type.endswith(".succeeded")):
        return None
    payment = _payment_of(session, event)
    if payment is None or not payment.is_final or payment.status is PaymentStatus.COMPLETED:
        return None
    return payment.id


def bounced_refund(session: Session, event_id: str) -> str | None:
    """The refund that we hold as completed although this event says that it failed after all."""
    event = _lock(session, event_id)
    failed = _object(event.payload).get("status") in ("failed", "canceled")
    if not (event.type.startswith(REFUND_EVENTS) and failed):
        return None
    refund_id = _refund_of(session, event)
    refund = session.get(Refund, refund_id) if refund_id else None
    return refund.id if refund and refund.status is RefundStatus.COMPLETED else None


def handle(session: Session, event_id: str, *, now: datetime) -> EventStatus:
    """Wake the job of whom the event is about and close the event. Again: a no-op."""
    event = _lock(session, event_id)
    if event.status is not EventStatus.RECEIVED:
        return event.status
    if event.type.startswith(REFUND_EVENTS):
        found = _wake_refund(session, event, now)
    elif event.type.startswith(DISPUTE_EVENTS):
        found = _look_at_disputes(session, event)
    elif event.type.startswith(INTENT_EVENTS):
        found = _wake_payment(session, event, now)
    else:
        event.move("ignore")
        event.processed_at = now
        log.info("webhook_ignored", event_id=event_id, kind=event.type, subject=event.object_id)
        return event.status
    event.move("process" if found else "park")
    event.processed_at = now
    if not found:
        log.warning("webhook_parked", event_id=event_id, kind=event.type, subject=event.object_id)
    return event.status


def replay(session: Session, event_id: str) -> InboundEvent:
    """Handle a kept event again. Raises NotFound, InvalidTransition while it is being handled."""
    event = _lock(session, event_id)
    made = queue_core.insert(session, HandleGatewayEvent(event_id=event_id))
    if event.status is not EventStatus.RECEIVED:
        event.move("replay")
    elif made.conflict:
        raise InvalidTransition("webhook", event.status, "be replayed")
    session.flush()
    return event


def _checked(event: object) -> tuple[str, str, str | None]:
    if not isinstance(event, dict):
        raise Invalid("body", "Send one JSON object: an event.")
    for name, named in (("id", "an id"), ("type", "a type")):
        value = event.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= ID_LENGTH_MAX:
            raise Invalid(name, f"An event has {named}: text of 1 to {ID_LENGTH_MAX} characters.")
    _refuse_unstorable(event)
    subject = _object(event).get("id")
    return event["id"], event["type"], subject if isinstance(subject, str) else None


def _refuse_unstorable(event: dict[str, Any]) -> None:
    """What JSON can say and PostgreSQL cannot keep: refused here, or it would be sent for days."""
    try:
        written = json.dumps(event, ensure_ascii=False, allow_nan=False)
        written.encode()
    except ValueError:  # half a surrogate, or a number beyond all floats
        raise Invalid("body", "The event holds text or numbers that cannot be kept.") from None
    if _NUL.search(written):
        raise Invalid("body", "The event holds a NUL, which cannot be kept.")


def _object(event: dict[str, Any]) -> dict[str, Any]:
    inner = event.get("data")
    found = inner.get("object") if isinstance(inner, dict) else None
    return found if isinstance(found, dict) else {}


def _lock(session: Session, event_id: str) -> InboundEvent:
    event = session.get(InboundEvent, (PROVIDER, event_id), with_for_update=True)
    if event is None:
        raise NotFound("webhook event", event_id)
    return event


def _payment_of(session: Session, event: InboundEvent) -> Payment | None:
    if event.object_id is None:
        return None  # "IS NULL" would find every payment that has no intent yet.
    return session.scalar(select(Payment).where(Payment.gateway_intent_id == event.object_id))


def _wake_payment(session: Session, event: InboundEvent, now: datetime) -> bool:
    payment = _payment_of(session, event)
    if payment is None:
        return _is_early(session, event)
    if not payment.is_final:
        payments.check_now(session, payment.id, now=now)
    return True


def _is_early(session: Session, event: InboundEvent) -> bool:
    """It came before we have stored the intent's id: that payment's own job is asking right now."""
    named = _metadata(event).get("payment")
    payment = session.get(Payment, named) if isinstance(named, str) else None
    if payment is None:
        return False
    if payment.gateway_intent_id is None:
        return not payment.is_final
    return payment.gateway_intent_id == event.object_id  # Stored between our two looks.


def _look_at_disputes(session: Session, event: InboundEvent) -> bool:
    intent = _object(event.payload).get("payment_intent")
    payment_id = payments.owner_of_intent(session, intent) if isinstance(intent, str) else None
    if payment_id is None:
        return False
    disputes.look(session, payment_id)
    return True


def _refund_of(session: Session, event: InboundEvent) -> str | None:
    named = _metadata(event).get("refund")
    if isinstance(named, str) and session.get(Refund, named) is not None:
        return named
    if event.object_id is None:
        return None
    return session.scalar(select(Refund.id).where(Refund.gateway_refund_id == event.object_id))


def _metadata(event: InboundEvent) -> dict[str, Any]:
    found = _object(event.payload).get("metadata")
    return found if isinstance(found, dict) else {}


def _wake_refund(session: Session, event: InboundEvent, now: datetime) -> bool:
    refund_id = _refund_of(session, event)
    if refund_id is None:
        return False
    _, refund = lock_refund(session, refund_id)
    if not refund.is_final:
        # Due at once; the quiet time before a list after silence is counted from the last send.
        refund.next_action_at = now
        session.flush()
        refunds.wake(session, refund)
    return True
