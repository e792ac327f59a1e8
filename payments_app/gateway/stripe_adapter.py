"""The port over Stripe's own library: every answer, and every silence, as an observation.

The library is used for what it knows (encoding, headers, API version) and kept from what would harm
here: no retries of its own, because a second request is a decision that needs a row; no default
time-out of 80 seconds; no telemetry; no redirects, no proxies or ``.netrc`` keys taken from the
surroundings. Bodies are read by us: the library's exceptions drop what tells a 409 from a 500, and
give a page of HTML and half a JSON the same name.

The rule for what is not in the table below: **not understood means Unknown.**
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import requests
import stripe
from requests.exceptions import ConnectTimeout
from urllib3.exceptions import MaxRetryError, NewConnectionError

from payments_app.gateway.port import (
    Instruction,
    NotSent,
    Observation,
    Op,
    RefundSeen,
    RefundsListed,
    Unknown,
)
from payments_app.gateway.stripe_disputes import read_disputes
from payments_app.gateway.stripe_reading import (
    read_error,
    read_intent,
    read_refund,
    read_refunds,
)
from payments_app.gateway.stripe_reply import Reply

# A page of refunds, and how many pages one look may take. Two thousand refunds of one payment are
# beyond any business; a list cut short would be taken for "that refund does not exist".
PAGE_SIZE = 100
PAGES_MAX = 20


@dataclass(frozen=True, slots=True)
class _Route:
    verb: str
    path: str


ROUTES = {
    Op.CREATE_INTENT: _Route("post", "/v1/payment_intents"),
    Op.GET_INTENT: _Route("get", "/v1/payment_intents/{target}"),
    Op.CONFIRM_INTENT: _Route("post", "/v1/payment_intents/{target}/confirm"),
    Op.CANCEL_INTENT: _Route("post", "/v1/payment_intents/{target}/cancel"),
    Op.CREATE_REFUND: _Route("post", "/v1/refunds"),
    Op.GET_REFUND: _Route("get", "/v1/refunds/{target}"),
    Op.LIST_REFUNDS: _Route("get", "/v1/refunds"),
    Op.LIST_DISPUTES: _Route("get", "/v1/disputes"),
}
REFUND_OPS = frozenset({Op.CREATE_REFUND, Op.GET_REFUND})


class StripeGateway:
    """A ``Gateway`` for Stripe, or for anything that speaks like it at ``base_url``.

    Safe to share between threads: each has a connection of its own. Make it after a fork.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        connect_timeout_s: float = 2,
        read_timeout_s: float = 20,
    ) -> None:
        stripe.enable_telemetry = False
        self._client = stripe.StripeClient(
            api_key,
            base_addresses={"api": base_url.rstrip("/")},
            http_client=_Transport(timeout=(connect_timeout_s, read_timeout_s)),
            max_network_retries=0,
        )

    def send(self, instruction: Instruction) -> Observation:
        """Send one request, once. Nothing that the network or the gateway does raises here."""
        if instruction.op is Op.LIST_REFUNDS:
            return self._list_refunds(instruction)
        if instruction.op is Op.LIST_DISPUTES:
            return self._list_disputes(instruction)
        reply = self._exchange(instruction, instruction.params)
        if not isinstance(reply, Reply):
            return reply
        if not reply.is_success:
            return read_error(reply)
        return read_refund(reply) if instruction.op in REFUND_OPS else read_intent(reply)

    def _list_refunds(self, instruction: Instruction) -> Observation:
        """All pages, or Unknown: half a list is no answer."""
        intent_id = str(instruction.target)
        params = {**instruction.params, "payment_intent": intent_id, "limit": PAGE_SIZE}
        found: list[RefundSeen] = []
        for _ in range(PAGES_MAX):
            reply = self._exchange(instruction, params)
            if not isinstance(reply, Reply):
                return reply
            if not reply.is_success:
                return read_error(reply)
            page = read_refunds(reply)
            if isinstance(page, Unknown):
                return page
            found += page.refunds
            if not page.has_more:
                return RefundsListed(intent_id, tuple(found), server_time=reply.server_time)
            params["starting_after"] = found[-1].refund_id
        return Unknown(f"more than {PAGES_MAX * PAGE_SIZE} refunds of {intent_id}")

    def _list_disputes(self, instruction: Instruction) -> Observation:
        """One page: a charge is disputed once or twice, never a hundred times."""
        intent_id = str(instruction.target)
        params = {**instruction.params, "payment_intent": intent_id, "limit": PAGE_SIZE}
        reply = self._exchange(instruction, params)
        if not isinstance(reply, Reply):
            return reply
        return read_disputes(reply, intent_id) if reply.is_success else read_error(reply)

    def _exchange(
        self, instruction: Instruction, params: Mapping[str, Any]
    ) -> Reply | Unknown | NotSent:
        route = ROUTES[instruction.op]
        sent = dict(params)
        if instruction.op is Op.GET_INTENT:
            # The newest charge says why it failed; without this it is only an id.
            sent.setdefault("expand", ["latest_charge"])
        try:
            response = self._client.raw_request(
                route.verb,
                route.path.format(target=quote(instruction.target or "", safe="")),
                idempotency_key=instruction.key,
                **sent,
            )
        except stripe.APIConnectionError as error:
            return _silence(error)
        except stripe.StripeError as error:
            return Reply.of(error.http_status, error.http_body, error.headers)
        except AttributeError:
            # The library takes every "error" for an object, and fails so when it is a text.
            return Unknown("an error body that is no Stripe error")
        return Reply.of(response.code, response.body, response.headers)


class _Transport(stripe.RequestsClient):
    """The library's client over ``requests``, with a plain session per thread.

    ``trust_env`` off: a proxy variable or a ``.netrc`` must not reroute or re-sign a payment.
    No redirect is followed: it would turn a POST into a GET of somebody's login page.
    """

    def request(  # type: ignore[override]  # the library's own subclasses narrow it likewise
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: object = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        if getattr(self._thread_local, "session", None) is None:
            session = requests.Session()
            session.trust_env = False
            session.max_redirects = 0
            self._thread_local.session = session
        body, status, named = super().request(method, url, headers, post_data)
        # The library logs every body as UTF-8 and raises at the first byte that is not.
        return body.decode("utf-8", "replace").encode(), status, named


def _silence(error: stripe.APIConnectionError) -> Unknown | NotSent:
    """No answer. Only when no connection was ever made is it certain that nothing was sent."""
    cause = error.__cause__
    reason = f"{type(cause or error).__name__}: {cause or error}"
    inner = cause.args[0] if isinstance(cause, requests.ConnectionError) and cause.args else None
    refused = isinstance(inner, MaxRetryError) and isinstance(inner.reason, NewConnectionError)
    if refused or isinstance(cause, ConnectTimeout):
        return NotSent(reason)
    return Unknown(reason)
