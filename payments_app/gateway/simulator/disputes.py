"""Disputes: the cardholder's bank takes the money back, and a decision gives it to one of the two.

A dispute is opened by a test card or by ``/_sim/disputes``, and closed there as won or lost. The
amount leaves our account when it opens and comes back when it is won.
"""

from sqlite3 import Row

from payments_app.gateway.simulator import checks, forms
from payments_app.gateway.simulator.errors import invalid, missing
from payments_app.gateway.simulator.objects import dispute_object
from payments_app.gateway.simulator.store import Transaction
from payments_app.gateway.simulator.values import Answer, Body, Call, new_id

REASONS = ("fraudulent", "product_not_received", "duplicate", "general")
OUTCOMES = ("won", "lost")


def open_on(tx: Transaction, charge: Row, *, reason: str = "fraudulent") -> Row:
    """What is left of the charge is disputed. One dispute per charge, as at most banks."""
    dispute_id = new_id("dp")
    tx.insert(
        "dispute",
        id=dispute_id,
        charge=charge["id"],
        intent=charge["intent"],
        amount_minor=charge["amount_minor"] - charge["refunded_minor"],
        currency=charge["currency"],
        status="needs_response",
        reason=reason,
        created_s=tx.now_s,
    )
    made = _load(tx, dispute_id)
    tx.emit("charge.dispute.created", dispute_object(made))
    return made


def retrieve(tx: Transaction, call: Call) -> Answer:
    forms.known(call.params, {"expand"})
    row = _load(tx, str(call.target))
    return Answer(200, dispute_object(row), intent=row["intent"], executed=True)


def control(tx: Transaction, body: object) -> Body:
    """``{intent, reason?}`` opens a dispute, ``{dispute, outcome}`` closes one."""
    given = checks.fields(body, ("intent", "reason", "dispute", "outcome"), "")
    intent, dispute = checks.string(given, "intent", ""), checks.string(given, "dispute", "")
    if (intent is None) == (dispute is None):
        raise invalid("Send {intent} to open a dispute or {dispute, outcome} to close one.")
    if intent is not None:
        reason = checks.choice(given, "reason", "", REASONS, "fraudulent")
        return dispute_object(open_on(tx, _disputable(tx, intent), reason=reason))
    outcome = checks.choice(given, "outcome", "", OUTCOMES, "lost")
    return dispute_object(_closed(tx, str(dispute), outcome))


def _disputable(tx: Transaction, intent: str) -> Row:
    charge = tx.one("SELECT * FROM charge WHERE intent = ? AND status = 'succeeded'", intent)
    if charge is None or charge["refunded_minor"] == charge["amount_minor"]:
        raise invalid(f"{intent} holds no money that could be disputed.", param="intent")
    if tx.one("SELECT 1 FROM dispute WHERE charge = ?", charge["id"]):
        raise invalid(f"{intent} is disputed already.", param="intent")
    return charge


def _closed(tx: Transaction, dispute_id: str, outcome: str) -> Row:
    row = _load(tx, dispute_id)
    if row["status"] != "needs_response":
        raise invalid(f"{dispute_id} is {row['status']} already.", param="dispute")
    tx.update("dispute", dispute_id, status=outcome, closed_s=tx.now_s)
    closed = _load(tx, dispute_id)
    tx.emit("charge.dispute.closed", dispute_object(closed))
    return closed


def _load(tx: Transaction, dispute_id: str) -> Row:
    row = tx.one("SELECT * FROM dispute WHERE id = ?", dispute_id)
    if row is None:
        raise missing("dispute", dispute_id)
    return row
