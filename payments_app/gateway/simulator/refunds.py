"""Refunds: money back, never more than was taken.

The cap is the check on ``charge.refunded_minor``: the sum grows in the transaction that makes the
refund, so refunds that race each other cannot pass it together. Some cards' banks take their time,
and some give the money back to us after they had taken it: then the sum shrinks again.
"""

import json
from sqlite3 import Row

from payments_app.gateway.simulator import forms
from payments_app.gateway.simulator.cards import CARDS, SETTLES_AFTER_S
from payments_app.gateway.simulator.errors import invalid, missing
from payments_app.gateway.simulator.objects import charge_object, refund_object
from payments_app.gateway.simulator.store import Transaction
from payments_app.gateway.simulator.values import Answer, Call, new_id

CREATE_PARAMS = frozenset({"payment_intent", "charge", "amount", "reason", "metadata", "expand"})
REASONS = frozenset({"duplicate", "fraudulent", "requested_by_customer"})


def create(tx: Transaction, call: Call) -> Answer:
    forms.known(call.params, CREATE_PARAMS)
    metadata = forms.metadata(call.params)
    reason = forms.text(call.params, "reason")
    if reason is not None and reason not in REASONS:
        allowed = ", ".join(sorted(REASONS))
        raise invalid(f"Invalid reason: must be one of {allowed}", param="reason")
    charge = _charge_to_refund(tx, call)
    _refuse_disputed(tx, charge)
    amount_minor = _amount_within_cap(call, charge)

    refunded_minor = charge["refunded_minor"] + amount_minor
    tx.update("charge", charge["id"], refunded_minor=refunded_minor)
    refund_id = new_id("re")
    tx.insert(
        "refund",
        id=refund_id,
        charge=charge["id"],
        intent=charge["intent"],
        amount_minor=amount_minor,
        currency=charge["currency"],
        reason=reason,
        **_fate(tx, charge),
        metadata=json.dumps(metadata),
        created_s=tx.now_s,
    )
    refund = _load(tx, refund_id)
    tx.emit("refund.created", refund_object(refund))
    charged = tx.one("SELECT * FROM charge WHERE id = ?", charge["id"])
    if charged is not None:
        tx.emit("charge.refunded", charge_object(charged))
    return _seen(refund)


def retrieve(tx: Transaction, call: Call) -> Answer:
    forms.known(call.params, {"expand"})
    return _seen(_load(tx, str(call.target)))


def settle_due(tx: Transaction) -> None:
    """Bring refunds whose time has come to what their card makes of them."""
    for row in tx.all("SELECT * FROM refund WHERE settles_s <= ?", tx.now_s):
        failed = row["settles_as"] == "failed"
        reason = "lost_or_stolen_card" if failed else None
        tx.update(
            "refund", row["id"], status=row["settles_as"], failure_reason=reason, settles_s=None
        )
        if failed:
            charge = tx.one("SELECT * FROM charge WHERE id = ?", row["charge"])
            assert charge is not None
            left_minor = charge["refunded_minor"] - row["amount_minor"]
            tx.update("charge", charge["id"], refunded_minor=left_minor)
        tx.emit(
            "refund.failed" if failed else "refund.updated", refund_object(_load(tx, row["id"]))
        )


def _fate(tx: Transaction, charge: Row) -> dict[str, object]:
    """The first state, and for some cards the second one with its time."""
    first, _, second = CARDS[charge["payment_method"]].refund.partition(", then ")
    if not second:
        return {"status": first}
    return {"status": first, "settles_s": tx.now_s + SETTLES_AFTER_S, "settles_as": second}


def _charge_to_refund(tx: Transaction, call: Call) -> Row:
    intent, charge = forms.text(call.params, "payment_intent"), forms.text(call.params, "charge")
    if (intent is None) == (charge is None):
        message = "One of the following params should be provided: payment_intent or charge."
        raise invalid(message, param="payment_intent", code="parameter_missing")
    if charge is not None:
        row = tx.one("SELECT * FROM charge WHERE id = ?", charge)
        if row is None:
            raise missing("charge", charge, param="charge")
        if row["status"] != "succeeded":
            raise invalid(f"Charge {charge} does not hold any money to refund.", param="charge")
        return row
    row = tx.one("SELECT * FROM charge WHERE intent = ? AND status = 'succeeded'", intent)
    if row is not None:
        return row
    if tx.one("SELECT 1 FROM intent WHERE id = ?", intent) is None:
        raise missing("payment_intent", str(intent), param="payment_intent")
    message = f"This PaymentIntent ({intent}) does not have a successful charge to refund."
    raise invalid(message, param="payment_intent")


def _refuse_disputed(tx: Transaction, charge: Row) -> None:
    if tx.one("SELECT 1 FROM dispute WHERE charge = ? AND status <> 'won'", charge["id"]):
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise invalid(message, code="charge_disputed")


def _amount_within_cap(call: Call, charge: Row) -> int:
    left_minor: int = charge["amount_minor"] - charge["refunded_minor"]
    if left_minor == 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise invalid(message, code="charge_already_refunded")
    amount_minor = forms.amount(call.params) if "amount" in call.params else left_minor
    forms.in_steps(amount_minor, charge["currency"])
    if amount_minor > left_minor:
        message = f"Refund amount ({amount_minor}) is greater than unrefunded amount ({left_minor})"
        raise invalid(message, param="amount")
    return amount_minor


def _load(tx: Transaction, refund_id: str) -> Row:
    row = tx.one("SELECT * FROM refund WHERE id = ?", refund_id)
    if row is None:
        raise missing("refund", refund_id)
    return row


def _seen(refund: Row) -> Answer:
    # Who paid is told by the charge's own journal line; the refund names only itself.
    metadata = json.loads(refund["metadata"])
    return Answer(
        200,
        refund_object(refund),
        intent=refund["intent"],
        payment=metadata.get("payment"),
        executed=True,
    )
