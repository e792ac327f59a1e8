"""Charges: one question to the bank each, and the only place where money is taken.

An intent makes its charges through ``ask_bank``. The one-step ``POST /v1/charges`` stays for the
processors that the lab compares: it has no intent, so nothing but a key stops a second one.
"""

import json
from sqlite3 import Row

from payments_app.gateway.simulator import cards, forms
from payments_app.gateway.simulator.cards import CARDS, Bank
from payments_app.gateway.simulator.errors import decline_message, error, missing
from payments_app.gateway.simulator.objects import charge_object
from payments_app.gateway.simulator.store import Transaction
from payments_app.gateway.simulator.values import Answer, Call, new_id

CREATE_PARAMS = {"amount", "currency", "payment_method", "metadata", "description", "expand"}


def create(tx: Transaction, call: Call) -> Answer:
    forms.known(call.params, CREATE_PARAMS)
    name = cards.named(call.params, required=True)
    metadata = forms.metadata(call.params)
    currency = forms.currency(call.params)
    charge = ask_bank(
        tx,
        card=str(name),
        amount_minor=forms.in_steps(forms.amount(call.params), currency),
        currency=currency,
        metadata=json.dumps(metadata),
        description=forms.text(call.params, "description"),
    )
    shown = charge_object(charge)
    payment = metadata.get("payment")
    if charge["status"] == "succeeded":
        tx.emit("charge.succeeded", shown, copies=CARDS[str(name)].webhook_copies)
        return Answer(200, shown, payment=payment, executed=True)
    tx.emit("charge.failed", shown)
    return Answer(402, declined(charge), payment=payment, executed=True)


def retrieve(tx: Transaction, call: Call) -> Answer:
    row = tx.one("SELECT * FROM charge WHERE id = ?", call.target)
    if row is None:
        raise missing("charge", str(call.target))
    payment = json.loads(row["metadata"]).get("payment")
    return Answer(200, charge_object(row), intent=row["intent"], payment=payment, executed=True)


def ask_bank(
    tx: Transaction,
    *,
    card: str,
    amount_minor: int,
    currency: str,
    metadata: str,
    description: str | None = None,
    intent: str | None = None,
) -> Row:
    """One charge, taken or declined. A card that is no plain decline is approved here: challenges
    and slow settlement belong to intents."""
    failed = CARDS[card].bank is Bank.DECLINES
    charge_id = new_id("ch")
    tx.insert(
        "charge",
        id=charge_id,
        intent=intent,
        amount_minor=amount_minor,
        currency=currency,
        status="failed" if failed else "succeeded",
        payment_method=card,
        decline_code=CARDS[card].decline_code,
        description=description,
        metadata=metadata,
        created_s=tx.now_s,
    )
    row = tx.one("SELECT * FROM charge WHERE id = ?", charge_id)
    assert row is not None
    return row


def declined(charge: Row, **details: object) -> dict[str, object]:
    """The body of a 402: what the bank said, and about which charge."""
    return error(
        "card_error",
        decline_message(charge["decline_code"]),
        code="card_declined",
        decline_code=charge["decline_code"],
        charge=charge["id"],
        **details,
    )
