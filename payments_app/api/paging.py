"""Cursor pagination: newest first, and a page never skips or repeats a row while others are added.

An id holds the time of its making, so it is the position; the cursor only wraps it, so that nobody
comes to rely on what is inside.
"""

import base64
import binascii
import re
from typing import Any

import marshmallow as ma

from payments_app.api.fields import Checked
from payments_app.api.schema import RequestSchema
from payments_app.queries.pages import Page

LIMIT_DEFAULT = 50
LIMIT_MAX = 100
_ID = re.compile(r"[a-z]+_[0-9a-f]{32}")


class Limit(Checked[int]):
    """1 to 100, from the query string."""

    def check(self, value: object) -> int:
        if not re.fullmatch(r"[0-9]{1,3}", str(value)) or not 1 <= int(str(value)) <= LIMIT_MAX:
            raise ma.ValidationError(f"Write a whole number from 1 to {LIMIT_MAX}.")
        return int(str(value))


class Cursor(Checked[str]):
    """``next_cursor`` of the page before."""

    def check(self, value: object) -> str:
        try:
            last_id = base64.urlsafe_b64decode(str(value).encode()).decode("ascii")
        except (binascii.Error, UnicodeError):
            last_id = ""
        if not _ID.fullmatch(last_id):
            raise ma.ValidationError("Send next_cursor of an earlier page, unchanged, or nothing.")
        return last_id


class PageQuery(RequestSchema):
    """What every list takes."""

    limit = Limit(
        described={"type": "integer", "minimum": 1, "maximum": LIMIT_MAX},
        load_default=LIMIT_DEFAULT,
    )
    cursor = Cursor(
        described={"type": "string", "description": "next_cursor of the page before."},
        load_default=None,
    )


def answer(page: Page[Any]) -> dict[str, Any]:
    """The body of a list: its rows, and the cursor of the next page or null."""
    cursor = page.last_id and base64.urlsafe_b64encode(page.last_id.encode()).decode()
    return {"data": page.rows, "next_cursor": cursor}
