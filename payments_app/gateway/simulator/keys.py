"""The idempotency store: same key, same answer; same key, other request, refused.

A record is written in the transaction that executes, so a crash leaves both or neither. It is
forgotten after 24 hours of the gateway's clock: a key is a promise with an end, and a protocol that
leans on keys alone charges twice on the day after.

Keys in flight are held in memory: they end with the process, as their execution does.
"""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from payments_app.gateway.simulator.errors import invalid, key_in_use, key_reused
from payments_app.gateway.simulator.store import Transaction
from payments_app.gateway.simulator.values import Answer, Call, new_id

# Stripe keeps keys for "at least 24 hours"; the shortest promise is the one to test against.
KEPT_S = 24 * 3600
KEY_LENGTH_MAX = 255


class KeysInFlight:
    """The keys of requests that have arrived and are not answered yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: set[str] = set()

    @contextmanager
    def holding(self, key: str | None) -> Iterator[None]:
        if key is None:
            yield
            return
        with self._lock:
            if key in self._keys:
                raise key_in_use(key)
            self._keys.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._keys.discard(key)


def check(key: str | None) -> None:
    if key is not None and not 1 <= len(key) <= KEY_LENGTH_MAX:
        raise invalid(f"Idempotency-Key must have 1 to {KEY_LENGTH_MAX} characters")


def replay(tx: Transaction, call: Call) -> Answer | None:
    """The stored answer of this key, or None when this request is the first to use it."""
    row = tx.one(
        "SELECT * FROM idempotency WHERE key = ? AND created_s > ?", call.key, tx.now_s - KEPT_S
    )
    if row is None:
        return None
    if row["fingerprint"] != fingerprint(call):
        raise key_reused(
            str(call.key),
            "Keys for idempotent requests can only be used with the "
            "same endpoint and parameters they were first used with.",
        )
    headers = {"Idempotent-Replayed": "true", "Original-Request": row["request"]}
    return Answer(row["status"], json.loads(row["body"]), headers, replayed=True)


def remember(tx: Transaction, call: Call, answer: Answer) -> None:
    # REPLACE because an expired record may still lie here: it is forgotten, not protected.
    tx.run(
        "INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?, ?)",
        call.key,
        fingerprint(call),
        new_id("req"),
        answer.status,
        json.dumps(answer.body),
        tx.now_s,
    )


def fingerprint(call: Call) -> str:
    """Method, path and parameters; their order on the wire does not matter."""
    text = json.dumps([call.method, call.path, call.params], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
