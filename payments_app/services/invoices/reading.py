"""One invoice, by its id for us or by its public token for its customer."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from payments_app.domain.errors import NotFound
from payments_app.domain.invoice import Invoice


def get(session: Session, invoice_id: str) -> Invoice:
    """The invoice with its lines and its customer. Raises NotFound."""
    invoice = session.execute(
        select(Invoice).where(Invoice.id == invoice_id).options(joinedload(Invoice.customer))
    ).scalar_one_or_none()
    if invoice is None:
        raise NotFound("invoice", invoice_id)
    return invoice


def by_token(session: Session, token: str, *, now: datetime) -> Invoice:
    """The invoice behind a public link: sent, and not expired. Raises NotFound.

    A draft, a wrong token and an expired link look the same from outside, so that nobody learns
    by asking which tokens exist.
    """
    invoice = session.execute(
        select(Invoice)
        .where(Invoice.public_token == token, Invoice.public_token_expires_at > now)
        .options(joinedload(Invoice.customer))
    ).scalar_one_or_none()
    if invoice is None:
        raise NotFound("invoice for this link", f"{token[:6]}…")
    return invoice
