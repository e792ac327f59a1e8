"""Pages for customers, who have a link and no account: the hosted invoice and its payment."""

from payments_app.web.public import invoice, payment
from payments_app.web.public.blueprint import bp

__all__ = ["bp", "invoice", "payment"]
