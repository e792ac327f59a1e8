"""Webhooks out: every event, signed as Stripe signs, at least once and in no promised order.

Events are written in the transaction that caused them and sent afterwards by one thread, so a
SIGKILL delays a delivery and never loses it. ``/_sim/webhooks`` makes them misbehave: delayed,
duplicated, reordered, dropped, early (before the response of the request that caused them), badly
signed. Nothing is sent while no URL is set.

Signatures carry the machine's time, not the gateway's: their receiver checks them against its own.
"""

import hashlib
import hmac
import json
import threading
from dataclasses import asdict, dataclass, replace
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from sqlite3 import Row
from urllib.parse import urlsplit

from payments_app.gateway.simulator import checks, clock
from payments_app.gateway.simulator.errors import invalid
from payments_app.gateway.simulator.objects import event_object
from payments_app.gateway.simulator.store import Store
from payments_app.gateway.simulator.values import Body

OPTIONS = (
    "url", "secret", "delay_s", "copies", "reorder", "drop", "early", "bad_signature", "seed",
)  # fmt: skip
TIMEOUT_S = 5.0
BATCH = 100
ATTEMPTS_MAX = 8
RETRY_FIRST_S = 1.0
# How long a reordered batch is waited for, so that a single event still arrives.
REORDER_WAIT_S = 0.3
TICK_S = 0.25
# Retries wait by the machine's clock, a wished delay by the gateway's, which a test can advance.
DUE = """
SELECT * FROM event WHERE delivery = 'pending' AND due_s <= ? AND created_s <= ?
ORDER BY seq LIMIT ?
"""
# The application's development default, so that a first start needs no settings.
DEFAULT_SECRET = "whsec_ZGV2ZWxvcG1lbnQtb25seS1zZWNyZXQ="  # noqa: S105 - public on purpose


@dataclass(frozen=True, slots=True)
class Delivery:
    """How events are sent. ``reorder`` is a batch size, sent backwards; ``drop`` a probability."""

    url: str | None = None
    secret: str = DEFAULT_SECRET
    delay_s: float = 0.0
    copies: int = 1
    reorder: int = 0
    drop: float = 0.0
    early: bool = False
    bad_signature: bool = False
    seed: int = 0


class Courier:
    """Sends events; one delivery round at a time, by the thread or, when early, by the request."""

    def __init__(self, store: Store, *, url: str | None, secret: str | None) -> None:
        self._store = store
        # Several secrets stand there while one is replaced by the other; the first one signs.
        first, _, _ = (secret or DEFAULT_SECRET).partition(",")
        self._initial = Delivery(url=url, secret=first.strip())
        self.delivery = self._initial
        self._round = threading.Lock()
        self._wake = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, name="webhooks", daemon=True).start()

    def events_written(self) -> None:
        if self.delivery.url is None:
            return
        if self.delivery.early:
            self.deliver_due()
        else:
            self._wake.set()

    def configure(self, body: object) -> None:
        """Change the options that are given; the others stay."""
        delivery = _parsed(body, self.delivery)
        if self.delivery.url is None:
            # An endpoint hears of what happens from now on, not of all history.
            self._mark_all_pending("dropped")
        self.delivery = delivery
        self._wake.set()

    def reset(self) -> None:
        self.delivery = self._initial

    def shown(self) -> Body:
        with self._store.snapshot() as tx:
            counted = tx.all("SELECT delivery, count(*) AS n FROM event GROUP BY delivery")
        options = {name: value for name, value in asdict(self.delivery).items() if name != "secret"}
        return {**options, "events": {row["delivery"]: row["n"] for row in counted}}

    def deliver_due(self) -> None:
        with self._round:
            delivery = self.delivery
            if delivery.url is None:
                return
            for event in self._due(delivery):
                self._deliver(delivery, event)

    def _run(self) -> None:
        while True:
            self._wake.wait(TICK_S)
            self._wake.clear()
            self.deliver_due()

    def _due(self, delivery: Delivery) -> list[Row]:
        with self._store.transaction() as tx:
            due = tx.all(DUE, clock.wall_s(), tx.now_s - delivery.delay_s, BATCH)
            now_s = tx.now_s
        if delivery.reorder < 2 or not due:
            return due
        waited_s = now_s - delivery.delay_s - due[0]["created_s"]
        return due[::-1] if len(due) >= delivery.reorder or waited_s > REORDER_WAIT_S else []

    def _deliver(self, delivery: Delivery, event: Row) -> None:
        if checks.draw(delivery.seed, event["seq"]) < delivery.drop:
            self._mark(event, delivery="dropped")
            return
        answers = [_send(delivery, event) for _ in range(delivery.copies * event["copies"])]
        attempts = event["attempts"] + 1
        if all(answers):
            self._mark(event, delivery="delivered", attempts=attempts)
        elif attempts >= ATTEMPTS_MAX:
            self._mark(event, delivery="exhausted", attempts=attempts)
        else:
            due_s = clock.wall_s() + RETRY_FIRST_S * 2 ** (attempts - 1)
            self._mark(event, attempts=attempts, due_s=due_s)

    def _mark(self, event: Row, **values: object) -> None:
        with self._store.transaction() as tx:
            tx.update("event", event["id"], **values)

    def _mark_all_pending(self, outcome: str) -> None:
        with self._store.transaction() as tx:
            tx.run("UPDATE event SET delivery = ? WHERE delivery = 'pending'", outcome)


def signature(secret: str, payload: bytes, at_s: int) -> str:
    digest = hmac.new(secret.encode(), f"{at_s}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={digest}"


def _send(delivery: Delivery, event: Row) -> bool:
    payload = json.dumps(event_object(event)).encode()
    secret = "not-the-secret" if delivery.bad_signature else delivery.secret
    headers = {
        "Content-Type": "application/json",
        "Stripe-Signature": signature(secret, payload, int(clock.wall_s())),
    }
    address = urlsplit(str(delivery.url))
    kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
    connection = kind(str(address.hostname), address.port, timeout=TIMEOUT_S)
    try:
        connection.request("POST", address.path or "/", body=payload, headers=headers)
        return 200 <= connection.getresponse().status < 300
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _parsed(body: object, old: Delivery) -> Delivery:
    given = checks.fields(body, OPTIONS, "")
    url = checks.string(given, "url", "")
    if url is not None and (
        urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).netloc
    ):
        raise invalid("url must begin with http:// or https://.", param="url")
    checked: Body = {
        "url": url,
        "secret": checks.string(given, "secret", "") or old.secret,
        "delay_s": checks.number(given, "delay_s", "", default=0.0, most=3600.0),
        "copies": checks.integer(given, "copies", "", least=1),
        "reorder": checks.integer(given, "reorder", "", least=0),
        "drop": checks.number(given, "drop", "", default=0.0, most=1.0),
        "early": checks.boolean(given, "early", ""),
        "bad_signature": checks.boolean(given, "bad_signature", ""),
        "seed": checks.integer(given, "seed", "", least=0),
    }
    return replace(old, **{name: checked[name] for name in given})
