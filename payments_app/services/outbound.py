"""Endpoints and deliveries: who is told, what is due, what came of it, and telling it again."""

import base64
import secrets
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import structlog
from sqlalchemy import select, text
from sqlalchemy.orm import Session

import queue_core
from payments_app.domain.errors import Invalid, NotFound
from payments_app.domain.outbound import (
    DeliveryStatus,
    OutboundEvent,
    WebhookDelivery,
    WebhookEndpoint,
)
from payments_app.jobs import DeliverWebhooks
from payments_app.webhook_sender import Answer, Outgoing

log = structlog.get_logger()

URL_LENGTH_MAX = 500
# Long enough to roll a new secret out, short enough that a stolen one does not sign for long.
ROTATION = timedelta(hours=24)
# The schedule of Standard Webhooks: quick at first, patient over three days, then it is over.
RETRY_DELAYS_S = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)

# One look into the index per endpoint: what waits for an endpoint that is away is not read.
_WAITING = text(
    "SELECT id FROM webhook_endpoints e WHERE disabled_at IS NULL AND EXISTS (SELECT"
    " FROM webhook_deliveries d"
    " WHERE d.endpoint_id = e.id AND d.status = 'pending' AND d.next_at <= :now)"
)
_LEFT_BEHIND = text(
    "SELECT id FROM webhook_endpoints e WHERE disabled_at IS NOT NULL AND EXISTS (SELECT"
    " FROM webhook_deliveries d WHERE d.endpoint_id = e.id AND d.status = 'pending') ORDER BY id"
)


def add_endpoint(session: Session, url: str) -> WebhookEndpoint:
    """A new endpoint with its signing secret; it hears what happens from now on. Raises Invalid."""
    if len(url) > URL_LENGTH_MAX or not url.isprintable() or not _is_web_address(url.strip()):
        raise Invalid("url", "Give an address like https://example.com/hook, no password in it.")
    made = WebhookEndpoint(url=url.strip(), secret=_new_secret())
    session.add(made)
    session.flush()
    return made


def get_endpoint(session: Session, endpoint_id: str, *, lock: bool = False) -> WebhookEndpoint:
    """The endpoint as it stands. Raises NotFound."""
    endpoint = session.get(WebhookEndpoint, endpoint_id, with_for_update=lock)
    if endpoint is None:
        raise NotFound("webhook endpoint", endpoint_id)
    return endpoint


def rotate_secret(session: Session, endpoint_id: str, *, now: datetime) -> WebhookEndpoint:
    """A new secret; the old one signs beside it for a day. Raises NotFound, Invalid."""
    endpoint = get_endpoint(session, endpoint_id, lock=True)
    if endpoint.disabled_at is not None:
        raise Invalid("endpoint", "It is disabled: nothing is signed for it any more.")
    endpoint.previous_secret, endpoint.previous_until = endpoint.secret, now + ROTATION
    endpoint.secret = _new_secret()
    session.flush()
    return endpoint


def disable_endpoint(session: Session, endpoint_id: str, *, reason: str, now: datetime) -> None:
    """Tell it nothing more; what was on its way is not sent. Raises NotFound; twice is once."""
    endpoint = get_endpoint(session, endpoint_id, lock=True)
    if endpoint.disabled_at is None:
        endpoint.disabled_at, endpoint.disabled_reason = now, reason
    _end_waiting(session, endpoint_id)


def end_left_behind(session: Session) -> int:
    """End what waits for endpoints that are disabled; how many they were.

    An event whose transaction was open while its endpoint was disabled brings its delivery later.
    """
    found = session.scalars(_LEFT_BEHIND).all()
    for endpoint_id in found:
        _end_waiting(session, endpoint_id)
    return len(found)


def dispatch(session: Session, *, now: datetime) -> int:
    """A job for each endpoint that something is due for; where one is alive, it is woken."""
    found = session.scalars(_WAITING, {"now": now}).all()
    # Together, not one after another: the queue takes the rows of one insert in one order, and two
    # dispatchers never wait for each other in a ring.
    queue_core.insert_all(session, [DeliverWebhooks(endpoint_id=key) for key in found], wake=True)
    return len(found)


def next_due(session: Session, endpoint_id: str, *, now: datetime) -> Outgoing | None:
    """The oldest event that is due for this endpoint, as it will be sent."""
    row = session.execute(
        select(WebhookDelivery, WebhookEndpoint, OutboundEvent)
        .join(WebhookEndpoint, WebhookEndpoint.id == WebhookDelivery.endpoint_id)
        .join(OutboundEvent, OutboundEvent.id == WebhookDelivery.event_id)
        .where(
            WebhookDelivery.endpoint_id == endpoint_id,
            WebhookDelivery.status == DeliveryStatus.PENDING,
            WebhookDelivery.next_at <= now,
            WebhookEndpoint.disabled_at.is_(None),
        )
        .order_by(WebhookDelivery.next_at, OutboundEvent.transition_id)
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    delivery, endpoint, event = row
    changing = endpoint.previous_until is not None and now < endpoint.previous_until
    return Outgoing(
        delivery_id=delivery.id,
        event_id=event.id,
        url=endpoint.url,
        secret=endpoint.secret,
        previous_secret=endpoint.previous_secret if changing else None,
        type=event.type,
        subject_id=event.subject_id,
        seq=event.seq,
        at=event.created_at,
        now=now,
    )


def record(session: Session, delivery_id: str, answer: Answer, *, now: datetime) -> None:
    """What came of one sending: delivered, again later, exhausted, or the endpoint has gone."""
    delivery = session.get_one(WebhookDelivery, delivery_id)
    # The endpoint before its deliveries, as who disables it by hand locks them: never in a ring.
    endpoint = get_endpoint(session, delivery.endpoint_id, lock=answer.is_gone)
    session.refresh(delivery, with_for_update=True)
    if delivery.status is not DeliveryStatus.PENDING:
        return  # Disabled or recorded by another worker meanwhile.
    delivery.attempts += 1
    delivery.last_status, delivery.last_error = answer.status, answer.error
    if answer.is_taken:
        delivery.move("deliver")
        delivery.delivered_at, delivery.next_at = now, None
    elif answer.is_gone:
        disable_endpoint(session, endpoint.id, reason="the receiver said 410", now=now)
    elif endpoint.disabled_at is not None:
        delivery.move("disable")
        delivery.next_at = None
    else:
        _try_later(delivery, now)
    session.flush()


def replay(session: Session, delivery_id: str, *, now: datetime) -> WebhookDelivery:
    """Send it again, with its old id, so that a receiver that has it can tell. Raises NotFound."""
    delivery = session.get(WebhookDelivery, delivery_id, with_for_update=True)
    if delivery is None:
        raise NotFound("webhook delivery", delivery_id)
    endpoint = session.get_one(WebhookEndpoint, delivery.endpoint_id)
    if endpoint.disabled_at is not None:
        raise Invalid("delivery", "Its endpoint is disabled. Add the endpoint again first.")
    if delivery.status is not DeliveryStatus.PENDING:
        delivery.move("replay")
        delivery.attempts = 0
    delivery.next_at = now
    session.flush()
    queue_core.insert(session, DeliverWebhooks(endpoint_id=endpoint.id), wake=True)
    return delivery


def wait_s(session: Session, endpoint_id: str, *, now: datetime) -> float | None:
    """Seconds until something is due for this endpoint; None when nothing waits."""
    due_at = session.scalar(
        select(WebhookDelivery.next_at)
        .where(
            WebhookDelivery.endpoint_id == endpoint_id,
            WebhookDelivery.status == DeliveryStatus.PENDING,
        )
        .order_by(WebhookDelivery.next_at)
        .limit(1)
    )
    return None if due_at is None else max((due_at - now).total_seconds(), 0.0)


def _end_waiting(session: Session, endpoint_id: str) -> None:
    waiting = select(WebhookDelivery).where(
        WebhookDelivery.endpoint_id == endpoint_id,
        WebhookDelivery.status == DeliveryStatus.PENDING,
    )
    # In one order: the sweep and a run may be at it at once.
    for delivery in session.scalars(waiting.order_by(WebhookDelivery.id).with_for_update()):
        delivery.move("disable")
        delivery.next_at = None
    session.flush()


def _try_later(delivery: WebhookDelivery, now: datetime) -> None:
    if delivery.attempts > len(RETRY_DELAYS_S):
        delivery.move("exhaust")
        delivery.next_at = None
        log.error("webhook_exhausted", delivery=delivery.id, endpoint=delivery.endpoint_id)
    else:
        delivery.next_at = now + timedelta(seconds=RETRY_DELAYS_S[delivery.attempts - 1])


def _is_web_address(url: str) -> bool:
    try:
        address = urlsplit(url)
        known = address.scheme in ("http", "https") and address.port != 0
    except ValueError:  # half an IPv6 address, a port that is no number
        return False
    return known and url.isascii() and bool(address.hostname) and "@" not in address.netloc


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
