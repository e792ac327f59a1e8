"""Whether a webhook is the gateway's: its signature over the raw bytes, and its age.

The scheme is Stripe's: ``Stripe-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256>`` over
``"<t>.<body>"``. Several secrets are accepted while one replaces another; comparison takes constant
time; an old timestamp is refused, so that a recorded delivery cannot be played back.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from payments_app.domain.errors import DomainError

TOLERANCE_S = 300


class ForgedWebhook(DomainError):
    """The signature is missing, wrong or of another time: nothing of the delivery is believed."""

    code = "invalid_signature"


class OldWebhook(ForgedWebhook):
    """Rightly signed, but too long ago: sent late, played back, or a clock is wrong."""

    code = "signature_too_old"


class EarlyWebhook(ForgedWebhook):
    """Rightly signed, but in our future: a clock is wrong."""

    code = "signature_too_early"


def verify(body: bytes, header: str, secrets: Sequence[str], *, now: datetime) -> None:
    """Return if one of ``secrets`` signed ``body`` within 300 s of ``now``; raise ForgedWebhook."""
    stamp, signatures = _parse(header)
    signed = b"%d." % stamp + body
    expected = [hmac.new(s.encode(), signed, hashlib.sha256).hexdigest() for s in secrets]
    # Every pair is compared, whatever the earlier ones gave: time tells nothing.
    matches = [hmac.compare_digest(e, given) for e in expected for given in signatures]
    if not any(matches):
        raise ForgedWebhook("The signature does not match. Check GATEWAY_WEBHOOK_SECRET.")
    # Only now: that a time is wrong is worth saying to whom the time is proven to come from.
    age_s = now.timestamp() - stamp
    if age_s > TOLERANCE_S:
        raise OldWebhook(
            f"The signature is more than {TOLERANCE_S} s old. Check the clocks of both sides."
        )
    if age_s < -TOLERANCE_S:
        raise EarlyWebhook(
            f"The signature is more than {TOLERANCE_S} s in the future. Check the clocks of both"
            " sides."
        )


def _parse(header: str) -> tuple[int, list[str]]:
    parts = [part.strip().partition("=") for part in header.split(",")]
    stamps = [value for name, _, value in parts if name == "t"]
    signatures = [value for name, _, value in parts if name == "v1" and value.isascii()]
    if len(stamps) != 1 or not stamps[0].isdecimal() or len(stamps[0]) > 12 or not signatures:
        raise ForgedWebhook("Send the header Stripe-Signature: t=<unix seconds>,v1=<hex digest>.")
    return int(stamps[0]), signatures
