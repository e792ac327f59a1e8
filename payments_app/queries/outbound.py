"""What the page and the command show of what others are told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments_app.domain.outbound import (
    DeliveryStatus,
    OutboundEvent,
    WebhookDelivery,
    WebhookEndpoint,
)
from payments_app.queries.paging import Numbered, numbered


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One event for one endpoint."""

    id: str
    event_id: str
    type: str
    subject_id: str
    seq: int
    url: str
    status: str
    attempts: int
    last_status: int | None
    last_error: str | None
    created_at: datetime
    next_at: datetime | None


def endpoints(session: Session) -> Sequence[WebhookEndpoint]:
    return session.scalars(select(WebhookEndpoint).order_by(WebhookEndpoint.id)).all()


def deliveries(
    session: Session, *, status: DeliveryStatus | None = None, page: int = 1
) -> Numbered[DeliveryRow]:
    """Newest first."""
    columns: tuple[Any, ...] = (
        WebhookDelivery.id,
        WebhookDelivery.event_id,
        OutboundEvent.type,
        OutboundEvent.subject_id,
        OutboundEvent.seq,
        WebhookEndpoint.url,
        WebhookDelivery.status,
        WebhookDelivery.attempts,
        WebhookDelivery.last_status,
        WebhookDelivery.last_error,
        WebhookDelivery.created_at,
        WebhookDelivery.next_at,
    )
    found = (
        select(*columns)
        .join(OutboundEvent, OutboundEvent.id == WebhookDelivery.event_id)
        .join(WebhookEndpoint, WebhookEndpoint.id == WebhookDelivery.endpoint_id)
        .order_by(OutboundEvent.transition_id.desc(), WebhookDelivery.id.desc())
    )
    if status is not None:
        found = found.where(WebhookDelivery.status == status)
    return numbered(session, found, page, _made)


def counts(session: Session) -> dict[str, int]:
    """Deliveries by state, and all of them."""
    counted = session.execute(
        select(WebhookDelivery.status, func.count()).group_by(WebhookDelivery.status)
    )
    by_status = {str(row[0]): int(row[1]) for row in counted}
    return {"all": sum(by_status.values()), **by_status}


def _made(row: Any) -> DeliveryRow:  # noqa: ANN401 - a row of deliveries
    values = dict(row._mapping)  # noqa: SLF001 - the documented name of a row's columns
    return DeliveryRow(**{**values, "status": str(values["status"])})
