"""What many views share: reading the query string, and addresses that keep the rest of it."""

from collections.abc import Callable
from datetime import date

from flask import g, request, url_for
from werkzeug.wrappers import Response

Page = Response | str | tuple[str, int]
SEARCH_LENGTH_MAX = 200


def page_number() -> int:
    """``?page=``: anything that is no number is the first page."""
    value = request.args.get("page", "1")
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 9 else 1


def search() -> str:
    """``?q=``, bounded. A NUL cannot be stored, so nothing can be found by it."""
    return request.args.get("q", "").strip().replace("\x00", "")[:SEARCH_LENGTH_MAX]


def tab(known: dict[str, tuple[object, ...]]) -> str:
    chosen = request.args.get("tab", "all")
    return chosen if chosen in known else "all"


def today() -> date:
    """The database's day, in the transaction that read the page."""
    found: date = g.now.date()
    return found


def with_page() -> Callable[[int], str]:
    """The same list, another page."""
    assert request.endpoint is not None
    kept = {**(request.view_args or {}), **request.args.to_dict(), "page": 0}
    return lambda number: url_for(str(request.endpoint), **{**kept, "page": number})
