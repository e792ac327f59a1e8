"""Where the gateway's webhooks arrive in a run: a small HTTP server in front of the real service.

Ours checks the signature and keeps each event once (``services.inbound``). The naive shop takes
each delivery for a new order: that is the whole difference.
"""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from sqlalchemy.orm import Session

import queue_core
from payments_app.config import DEVELOPMENT_SECRETS
from payments_app.domain.errors import DomainError
from payments_app.lab.event import Lane
from payments_app.lab.processors.naive_events import LabEvent
from payments_app.lab.shop import Shop
from payments_app.services import inbound, webhook_signature

SECRET = DEVELOPMENT_SECRETS["GATEWAY_WEBHOOK_SECRET"]
HEADER = "Stripe-Signature"
OK, REFUSED = 200, 400


class Mailbox:
    """``with Mailbox(shop, ours=True) as box: gateway.webhooks(url=box.url, copies=5)``."""

    def __init__(self, shop: Shop, *, ours: bool) -> None:
        self._shop = shop
        self._ours = ours
        self._lock = threading.Lock()
        self._last: tuple[bytes, str] | None = None
        self.deliveries = 0
        take = self.take

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                self.send_response(take(body, self.headers.get(HEADER, "")))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
                """The event log tells it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/webhooks/gateway"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def replay(self) -> None:
        """The last delivery once more, as gateways do when they are not sure."""
        if self._last is not None:
            self.take(*self._last)

    def take(self, body: bytes, signature: str) -> int:
        """One delivery; the HTTP status that it is answered with."""
        with self._lock:
            self._last = (body, signature)
            self.deliveries += 1
            number = self.deliveries
        event: dict[str, Any] = json.loads(body)
        try:
            known = self._shop.do(self._deed(body, signature, event))
        except DomainError:
            return REFUSED
        again = "" if known else " We have it already."
        text = f"Delivery {number} of a webhook arrives: {event['type']}.{again}"
        self._shop.say("webhook", text, lane=Lane.BOOKS, id=event["id"], type=event["type"])
        return OK

    def _deed(
        self, body: bytes, signature: str, event: dict[str, Any]
    ) -> Callable[[Session, Any], bool]:
        def ours(session: Session, now: Any) -> bool:  # noqa: ANN401 - a deed takes the time
            webhook_signature.verify(body, signature, [SECRET], now=now)
            return inbound.receive(session, event)

        def naive(session: Session, _now: object) -> bool:
            told = event["data"]["object"]
            payment_id = (told.get("metadata") or {}).get("payment", "")
            amount_minor = int(told.get("amount") or 0)
            args = LabEvent(type=event["type"], payment_id=payment_id, amount_minor=amount_minor)
            queue_core.insert(session, args)
            return True

        return ours if self._ours else naive
