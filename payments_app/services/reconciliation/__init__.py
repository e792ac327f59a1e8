"""Reconciliation: our books beside the gateway's report, and a row for each disagreement.

The edge (``workers/reconciler.py``) does, in this order: ``holdings.read`` in a transaction, the
report without one, ``holdings.read`` again, ``comparing.compare`` on what stood still, and
``breaks.record``. What a rule allows is repaired by looking at the gateway once more, through the
same door as every other fact; the rest waits for a person.
"""

from payments_app.services.reconciliation.breaks import (
    note_bounce,
    note_repair,
    open_breaks,
    record,
    resolve_by_hand,
    wake_refund,
)
from payments_app.services.reconciliation.comparing import Difference, compare
from payments_app.services.reconciliation.holdings import Holdings, PaymentHeld, read, stood_still

__all__ = [
    "Difference",
    "Holdings",
    "PaymentHeld",
    "compare",
    "note_bounce",
    "note_repair",
    "open_breaks",
    "read",
    "record",
    "resolve_by_hand",
    "stood_still",
    "wake_refund",
]
