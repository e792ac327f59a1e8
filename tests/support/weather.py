"""Every kind of trouble at once, each with its own chance, and what is left to do when it is over.

The gateway loses requests and answers, errs, answers nonsense, executes late and twice, forgets its
keys, and tells of its events late, doubled and backwards; some it never tells.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import requests
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments_app import clock
from payments_app.domain.payment import Payment, PaymentStatus
from payments_app.domain.review import Decision
from payments_app.services import payments, review
from payments_app.services.actor import act_as
from tests.support.running_app import RunningApp

# Whether the fault comes before or after the execution makes another fault of it.
KINDS: tuple[Mapping[str, Any], ...] = (
    {"do": "drop", "when": "before"},
    {"do": "drop", "when": "after"},
    {"do": "reset", "when": "after"},
    {"do": "hang", "when": "after"},
    {"do": "late", "until": "newer"},
    {"do": "dup"},
    {"do": "500", "when": "before"},
    {"do": "500", "when": "after"},
    {"do": "500_stored", "when": "before"},
    {"do": "500_stored", "when": "after"},
    {"do": "503"},
    {"do": "429"},
    {"do": "409"},
    {"do": "truncate", "when": "after"},
    {"do": "html", "when": "after"},
    {"do": "wrong_amount"},
    {"do": "wrong_currency"},
    {"do": "foreign_intent"},
)
DISORDER = {"copies": 2, "reorder": 8, "drop": 0.05, "delay_s": 0.5, "seed": 5}
KEYS_FORGOTTEN_AFTER_S = 25 * 3600
REASON = "the storm is over, and the gateway answers for itself again"


def every_kind(chance: float, *, seed: int) -> list[dict[str, Any]]:
    """A rule for each kind of fault; no two of them fire in step."""
    return [
        {**kind, "probability": chance, "seed": seed + number} for number, kind in enumerate(KINDS)
    ]


def fired(app: RunningApp) -> dict[str, int]:
    """How often each kind of fault has really happened."""
    counted: dict[str, int] = {}
    for rule in _asked(app, "faults")["rules"]:
        name = f"{rule['do']} {rule.get('when', '')}".strip()
        counted[name] = counted.get(name, 0) + int(rule["fired"])
    return counted


def break_out(app: RunningApp, *, chance: float, seed: int) -> None:
    app.faults(every_kind(chance, seed=seed))
    told(app, "webhooks", url=f"{app.url}/webhooks/gateway", **DISORDER)


def clear_up(app: RunningApp) -> None:
    """No more faults; what the network still holds arrives."""
    app.faults([])
    told(app, "release")


def forget_keys(app: RunningApp) -> None:
    """A day and an hour pass for the gateway."""
    told(app, "clock", advance_s=KEYS_FORGOTTEN_AFTER_S)


def told(app: RunningApp, what: str, **body: object) -> dict[str, Any]:
    answer = requests.post(f"{app.gateway_url}/_sim/{what}", json=body, timeout=30)
    answer.raise_for_status()
    said: dict[str, Any] = answer.json()
    return said


def look_at_everything_left(app: RunningApp) -> int:
    """What an hour would bring: every payment in review, or silent for long, is looked at again."""
    with app.sessions.begin() as session:
        now = clock.now(session)
        found = [*_in_review(session), *_in(session, PaymentStatus.PROCESSING)]
        known = [each.id for each in found if each.gateway_intent_id is not None]
        for payment_id in known:
            payments.check_now(session, payment_id, now=now)
        return len(known)


def looked_at(app: RunningApp) -> bool:
    """Whether no look is due or under way any more."""
    query = text(
        "SELECT NOT EXISTS (SELECT FROM payments WHERE status IN ('needs_review', 'processing')"
        " AND gateway_intent_id IS NOT NULL AND (must_look OR next_action_at <= now()))"
    )
    with app.engine.connect() as connection:
        return bool(connection.execute(query).scalar_one())


def only_people_can_decide(app: RunningApp) -> Sequence[str]:
    """The payments left in review; fails where the gateway's journal could have decided one."""
    captured = {line["payment"] for line in app.journal()["captures"]}
    with app.sessions() as session:
        left = [each.id for each in _in_review(session)]
    decidable = sorted(captured & set(left))
    assert not decidable, f"captured, and yet left to a person: {decidable[:5]}"
    return left


def decide(app: RunningApp, payment_ids: Sequence[str]) -> None:
    """A person says "go on" to each."""
    with app.sessions.begin() as session:
        act_as(session, "user:storm", reason=REASON)
        now = clock.now(session)
        for payment_id in payment_ids:
            review.decide_payment(session, payment_id, Decision.RESUME, reason=REASON, now=now)


def _in_review(session: Session) -> list[Payment]:
    return _in(session, PaymentStatus.NEEDS_REVIEW)


def _in(session: Session, status: PaymentStatus) -> list[Payment]:
    return list(session.query(Payment).where(Payment.status == status))


def _asked(app: RunningApp, what: str) -> dict[str, Any]:
    answer = requests.get(f"{app.gateway_url}/_sim/{what}", timeout=30)
    said: dict[str, Any] = answer.json()
    return said
