"""The journal: what really happened here. Every claim about money is checked against it.

Captures and refunds are read from the rows that *are* the money, so one capture is one line by
construction. Requests are written in the transaction that executed them.
"""

import json
from sqlite3 import Row

from payments_app.gateway.simulator.clock import iso
from payments_app.gateway.simulator.disguise import status_sent
from payments_app.gateway.simulator.store import Transaction
from payments_app.gateway.simulator.values import Answer, Body, Call

CAPTURES = "SELECT * FROM charge WHERE status = 'succeeded' ORDER BY seq"
REFUNDS = (
    "SELECT refund.*, charge.metadata AS charge_metadata FROM refund"
    " JOIN charge ON charge.id = refund.charge WHERE refund.status <> 'failed' ORDER BY refund.seq"
)
DISPUTES = (
    "SELECT dispute.*, charge.metadata AS charge_metadata FROM dispute"
    " JOIN charge ON charge.id = dispute.charge ORDER BY dispute.seq"
)


def record(tx: Transaction, call: Call, answer: Answer, *, fault: str | None) -> None:
    tx.insert(
        "request",
        at_s=tx.now_s,
        op=call.op,
        method=call.method,
        path=call.path,
        key=call.key,
        intent=answer.intent or _intent_of(call),
        payment=answer.payment or call.payment,
        status=status_sent(answer),
        executed=answer.executed,
        replayed=answer.replayed,
        fault=fault,
    )


def read(tx: Transaction) -> Body:
    return {
        "captures": [_capture(row) for row in tx.all(CAPTURES)],
        "refunds": [_refund(row) for row in tx.all(REFUNDS)],
        "disputes": [_dispute(row) for row in tx.all(DISPUTES)],
        "requests": [_request(row) for row in tx.all("SELECT * FROM request ORDER BY seq")],
    }


def _intent_of(call: Call) -> str | None:
    if call.target and call.target.startswith("pi_"):
        return call.target
    named = call.params.get("payment_intent")
    return named if isinstance(named, str) else None


def _capture(row: Row) -> Body:
    return {
        "intent": row["intent"],
        "payment": json.loads(row["metadata"]).get("payment"),
        "amount_minor": row["amount_minor"],
        "currency": row["currency"].upper(),
        "at": iso(row["created_s"]),
    }


def _refund(row: Row) -> Body:
    own, charged = json.loads(row["metadata"]), json.loads(row["charge_metadata"])
    return {
        "id": row["id"],
        "refund": own.get("refund"),
        "intent": row["intent"],
        "payment": own.get("payment") or charged.get("payment"),
        "amount_minor": row["amount_minor"],
        "currency": row["currency"].upper(),
        "at": iso(row["created_s"]),
    }


def _dispute(row: Row) -> Body:
    return {
        "id": row["id"],
        "status": row["status"],
        "intent": row["intent"],
        "payment": json.loads(row["charge_metadata"]).get("payment"),
        "amount_minor": row["amount_minor"],
        "currency": row["currency"].upper(),
        "at": iso(row["created_s"]),
    }


def _request(row: Row) -> Body:
    return {
        "at": iso(row["at_s"]),
        "op": row["op"],
        "method": row["method"],
        "path": row["path"],
        "key": row["key"],
        "intent": row["intent"],
        "payment": row["payment"],
        "status": row["status"],
        "executed": bool(row["executed"]),
        "replayed": bool(row["replayed"]),
        "fault": row["fault"],
    }
