"""Payment intents: the state machine that lets one intent succeed once.

::

    requires_payment_method -> requires_confirmation     a card is known
      either -- confirm --> succeeded | requires_action | processing
                            requires_payment_method      the bank declined; may be confirmed again
      processing ---------> succeeded                    after a while, by the gateway's clock
      any but these -- cancel --> canceled               processing, succeeded and canceled refuse

Creating one moves no money. A refused move answers 400 ``payment_intent_unexpected_state`` with the
intent in the error, so that the asker sees at once what became of it.
"""

import json
from sqlite3 import Row

from payments_app.gateway.simulator import cards, charges, disputes, forms
from payments_app.gateway.simulator.cards import CARDS, SETTLES_AFTER_S, Bank
from payments_app.gateway.simulator.errors import invalid, missing, unexpected_state
from payments_app.gateway.simulator.objects import intent_object
from payments_app.gateway.simulator.store import Transaction
from payments_app.gateway.simulator.values import Answer, Body, Call, new_id

# Those that do not matter here are taken and ignored, as real requests carry them.
CREATE_PARAMS = frozenset({
    "amount", "currency", "payment_method", "confirm", "metadata", "description", "expand",
    "customer", "payment_method_types", "automatic_payment_methods", "receipt_email",
    "statement_descriptor", "statement_descriptor_suffix", "capture_method",
    "confirmation_method", "off_session", "return_url",
})  # fmt: skip
CONFIRM_PARAMS = frozenset({"payment_method", "off_session", "return_url", "expand"})
CANCEL_PARAMS = frozenset({"cancellation_reason", "expand"})
EXPANDABLE = frozenset({"latest_charge"})

CONFIRMABLE = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})
CANCELABLE = CONFIRMABLE


def create(tx: Transaction, call: Call) -> Answer:
    forms.known(call.params, CREATE_PARAMS)
    if call.params.get("capture_method", "automatic") == "manual":
        raise invalid("Manual capture is not simulated.", param="capture_method")
    confirm_now = forms.flag(call.params, "confirm")
    card = cards.named(call.params, required=confirm_now)
    currency = forms.currency(call.params)
    intent_id = new_id("pi")
    tx.insert(
        "intent",
        id=intent_id,
        amount_minor=forms.in_steps(forms.amount(call.params), currency),
        currency=currency,
        status="requires_confirmation" if card else "requires_payment_method",
        payment_method=card,
        description=forms.text(call.params, "description"),
        metadata=json.dumps(forms.metadata(call.params)),
        created_s=tx.now_s,
    )
    intent = _load(tx, intent_id)
    tx.emit("payment_intent.created", intent_object(intent))
    return _confirmed(tx, call, intent, card) if card and confirm_now else _seen(tx, call, intent)


def confirm(tx: Transaction, call: Call) -> Answer:
    forms.known(call.params, CONFIRM_PARAMS)
    intent = _load(tx, str(call.target))
    card = cards.named(call.params, required=False) or intent["payment_method"]
    if intent["status"] not in CONFIRMABLE:
        return _refused(intent, "confirm")
    if card is None:
        message = "You cannot confirm this PaymentIntent because it's missing a payment method."
        raise invalid(message, param="payment_method", code="parameter_missing")
    return _confirmed(tx, call, intent, card)


def cancel(tx: Transaction, call: Call) -> Answer:
    forms.known(call.params, CANCEL_PARAMS)
    intent = _load(tx, str(call.target))
    if intent["status"] not in CANCELABLE:
        return _refused(intent, "cancel")
    reason = forms.text(call.params, "cancellation_reason")
    return _moved(
        tx, call, intent, status="canceled", canceled_s=tx.now_s, cancellation_reason=reason
    )


def retrieve(tx: Transaction, call: Call) -> Answer:
    forms.known(call.params, {"expand"})
    return _seen(tx, call, _load(tx, str(call.target)))


def settle_due(tx: Transaction) -> None:
    """Take the money of slow payments whose time has come, before anyone looks."""
    due = "SELECT * FROM intent WHERE status = 'processing' AND settles_s <= ?"
    for intent in tx.all(due, tx.now_s):
        _capture(tx, intent, intent["payment_method"])


def _load(tx: Transaction, intent_id: str) -> Row:
    row = tx.one("SELECT * FROM intent WHERE id = ?", intent_id)
    if row is None:
        raise missing("payment_intent", intent_id, param="intent")
    return row


def _confirmed(tx: Transaction, call: Call, intent: Row, card: str) -> Answer:
    match CARDS[card].bank:
        case Bank.APPROVES:
            return _seen(tx, call, _capture(tx, intent, card))
        case Bank.DECLINES:
            return _declined(tx, intent, card)
        case Bank.CHALLENGES:
            return _moved(tx, call, intent, status="requires_action", payment_method=card)
        case Bank.SETTLES_LATER:
            settles_s = tx.now_s + SETTLES_AFTER_S
            return _moved(
                tx, call, intent, status="processing", payment_method=card, settles_s=settles_s
            )


def _capture(tx: Transaction, intent: Row, card: str) -> Row:
    charge = _charge(tx, intent, card)
    tx.update(
        "intent",
        intent["id"],
        status="succeeded",
        payment_method=card,
        latest_charge=charge["id"],
        last_error=None,
        captured_minor=charge["amount_minor"],
        settles_s=None,
    )
    moved = _load(tx, intent["id"])
    copies = CARDS[card].webhook_copies
    tx.emit("payment_intent.succeeded", intent_object(moved), copies=copies)
    if CARDS[card].disputed:
        disputes.open_on(tx, charge)
    return moved


def _declined(tx: Transaction, intent: Row, card: str) -> Answer:
    charge = _charge(tx, intent, card)
    last_error = charges.declined(charge)["error"]
    tx.update(
        "intent",
        intent["id"],
        status="requires_payment_method",
        # A declined card is taken off the intent: the next confirm has to name one.
        payment_method=None,
        latest_charge=charge["id"],
        last_error=json.dumps(last_error),
    )
    moved = _load(tx, intent["id"])
    shown = intent_object(moved)
    tx.emit("payment_intent.payment_failed", shown)
    return _answer(402, charges.declined(charge, payment_intent=shown), moved)


def _charge(tx: Transaction, intent: Row, card: str) -> Row:
    return charges.ask_bank(
        tx,
        card=card,
        amount_minor=intent["amount_minor"],
        currency=intent["currency"],
        metadata=intent["metadata"],
        description=intent["description"],
        intent=intent["id"],
    )


def _moved(tx: Transaction, call: Call, intent: Row, *, status: str, **values: object) -> Answer:
    tx.update("intent", intent["id"], status=status, **values)
    moved = _load(tx, intent["id"])
    tx.emit(f"payment_intent.{status}", intent_object(moved))
    return _seen(tx, call, moved)


def _seen(tx: Transaction, call: Call, intent: Row) -> Answer:
    expand = forms.expansions(call.params, EXPANDABLE)
    wanted = intent["latest_charge"] if "latest_charge" in expand else None
    charge = tx.one("SELECT * FROM charge WHERE id = ?", wanted) if wanted else None
    return _answer(200, intent_object(intent, charge=charge), intent)


def _refused(intent: Row, verb: str) -> Answer:
    refusal = unexpected_state(intent_object(intent), verb)
    return _answer(refusal.status, refusal.body, intent)


def _answer(status: int, body: Body | str, intent: Row) -> Answer:
    payment = json.loads(intent["metadata"]).get("payment")
    return Answer(status, body, intent=intent["id"], payment=payment, executed=True)
