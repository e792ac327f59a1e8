"""Parts of a page that keep themselves up to date, without holding a connection or a thread.

The part asks again every two seconds with the version it shows (``?seen=``). Nothing new is a 204
of no bytes, which changes nothing on the page; something new is the part itself. Without script the
same page is reloaded by hand. At the end the part comes without its trigger, and the asking stops.
"""

from flask import make_response, request
from werkzeug.wrappers import Response


def answer(seen: str, part: str | None) -> Response:
    """The part, or 204 when the page shows it already; None: have the whole page loaded again."""
    if request.args.get("seen") == seen:
        return make_response("", 204)
    if part is not None:
        return make_response(part)
    response = make_response("", 204)
    response.headers["HX-Refresh"] = "true"
    return response
