"""What the business refuses, in words for the person who asked.

Each class has a stable ``code`` for machines; the message says what happened and what to do.
Status codes are not known here: the API and the pages translate.
"""

from typing import ClassVar


class DomainError(Exception):
    """A refusal by a business rule. Nothing was written."""

    code: ClassVar[str] = "refused"
    field: str | None = None


class InvalidTransition(DomainError):
    """The aggregate is in a state that does not allow this."""

    code = "invalid_transition"

    def __init__(self, aggregate: str, current: str, event: str) -> None:
        article = "An" if aggregate[0] in "aeiou" else "A"
        name = aggregate.replace("_", " ")
        super().__init__(f"{article} {name} that is {current} cannot {event}. Reload and look.")
        self.aggregate, self.current, self.event = aggregate, current, event


class NotFound(DomainError):
    """No such thing, or not yours to see."""

    code = "not_found"

    def __init__(self, what: str, key: str) -> None:
        super().__init__(f"There is no {what} {key!r}. Check the id.")


class Invalid(DomainError):
    """One field of the request is wrong. ``field`` names it; the message says what is right."""

    code = "invalid"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class InvalidAmount(Invalid):
    """An amount of money that cannot be."""

    code = "invalid_amount"


class UnknownCurrency(Invalid):
    """Not a currency of ISO 4217 that is in use and that the gateway counts in the same units."""

    code = "unknown_currency"

    def __init__(self, value: object, field: str = "currency") -> None:
        super().__init__(
            field,
            f"{value!r} is no ISO 4217 currency code that can be charged. Write one like USD.",
        )


class CurrencyMismatch(DomainError):
    """Two amounts of different currencies met. Convert outside, on purpose."""

    code = "currency_mismatch"


class VersionConflict(DomainError):
    """Somebody else changed this in the meantime. Load it again and repeat the change."""

    code = "version_conflict"


class InvoiceNotOpen(DomainError):
    """Only an open invoice can be paid. Send a draft first; a paid or void one needs nothing."""

    code = "invoice_not_open"


class NothingDue(DomainError):
    """Nothing is left to pay on this invoice."""

    code = "nothing_due"


class PaymentInProgress(DomainError):
    """The invoice already has a live payment. Wait for it, or cancel it first."""

    code = "payment_in_progress"

    def __init__(self, payment_id: str) -> None:
        super().__init__(
            f"Payment {payment_id} of this invoice is still under way. "
            "Wait until it ends, or cancel it first: paying twice is refused."
        )
        self.payment_id = payment_id


class PaymentNotCancellable(DomainError):
    """The payment has ended already; a completed one can be refunded instead."""

    code = "payment_not_cancellable"


class RefundExceedsPayment(DomainError):
    """The refund is larger than what is left of the payment. Refund at most what is left."""

    code = "refund_exceeds_payment"


class RefundBeyondLimit(InvalidAmount):
    """More than the person's role may give back of one payment. An owner may."""

    code = "refund_beyond_limit"


class RefundInProgress(DomainError):
    """Another refund of this payment is under way. Wait until it has ended."""

    code = "refund_in_progress"


class PaymentNotRefundable(DomainError):
    """Only a completed payment can be refunded."""

    code = "payment_not_refundable"


class IdempotencyKeyReused(DomainError):
    """The key was used for another request. Use a new key for a new request."""

    code = "idempotency_key_reused"


class RequestInProgress(DomainError):
    """The first request with this key is still running. Ask again in a second."""

    code = "request_in_progress"
