"""The settlement export: every movement of money, as an accountant receives it.

Reconciliation compares it with our ledger line by line; fees are zero, as this gateway works for
nothing. ``net_minor`` is what a line adds to the payout. What came back to us whole, a refund that
failed or a dispute that was won, adds nothing and has no line.
"""

import csv
import io
import json

from payments_app.gateway.simulator.clock import iso
from payments_app.gateway.simulator.store import Transaction
from payments_app.gateway.simulator.values import Body

COLUMNS = (
    "type", "id", "intent", "charge", "payment", "refund", "currency",
    "amount_minor", "fee_minor", "net_minor", "at",
)  # fmt: skip
MOVEMENTS = """
SELECT 'charge' AS type, id, intent, id AS charge, metadata, metadata AS charge_metadata,
       currency, amount_minor, created_s
FROM charge WHERE status = 'succeeded'
UNION ALL
SELECT 'refund', refund.id, refund.intent, refund.charge, refund.metadata, charge.metadata,
       refund.currency, refund.amount_minor, refund.created_s
FROM refund JOIN charge ON charge.id = refund.charge WHERE refund.status <> 'failed'
UNION ALL
SELECT 'dispute', dispute.id, dispute.intent, dispute.charge, charge.metadata, charge.metadata,
       dispute.currency, dispute.amount_minor, dispute.created_s
FROM dispute JOIN charge ON charge.id = dispute.charge WHERE dispute.status <> 'won'
ORDER BY created_s, id
"""


def lines(tx: Transaction) -> list[Body]:
    movements = []
    for row in tx.all(MOVEMENTS):
        own, charged = json.loads(row["metadata"]), json.loads(row["charge_metadata"])
        sign = 1 if row["type"] == "charge" else -1
        movements.append(
            {
                "type": row["type"],
                "id": row["id"],
                "intent": row["intent"],
                "charge": row["charge"],
                "payment": charged.get("payment"),
                "refund": own.get("refund") if row["type"] == "refund" else None,
                "currency": row["currency"].upper(),
                "amount_minor": row["amount_minor"],
                "fee_minor": 0,
                "net_minor": sign * row["amount_minor"],
                "at": iso(row["created_s"]),
            }
        )
    return movements


def as_json(tx: Transaction) -> Body:
    movements = lines(tx)
    totals: dict[str, int] = {}
    for line in movements:
        totals[line["currency"]] = totals.get(line["currency"], 0) + line["net_minor"]
    return {
        "as_of": iso(tx.now_s),
        "charges": [line for line in movements if line["type"] == "charge"],
        "refunds": [line for line in movements if line["type"] == "refund"],
        "disputes": [line for line in movements if line["type"] == "dispute"],
        "fees": [],
        "net_minor": totals,
    }


def as_csv(tx: Transaction) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines(tx))
    return text.getvalue()
