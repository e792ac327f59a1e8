"""Ids in addresses: one that cannot be an id is answered like one that does not exist.

The check stands before the database, which would refuse a NUL in a text with an error of its own.
"""

import re
from collections.abc import Mapping

from payments_app.domain.errors import NotFound

SHOWN_LENGTH_MAX = 60
_PREFIX = {
    "customer_id": "cus",
    "invoice_id": "inv",
    "payment_id": "pay",
    "refund_id": "rfd",
    "endpoint_id": "whe",
}


def check(found: Mapping[str, str]) -> None:
    """Raise NotFound unless every id of the address has the form of its kind."""
    for name, value in found.items():
        if not re.fullmatch(_PREFIX[name] + "_[0-9a-f]{32}", value):
            raise NotFound(name.removesuffix("_id"), value[:SHOWN_LENGTH_MAX])
