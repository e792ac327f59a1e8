"""The blueprint of the hosted pages: the link is the key, so it is kept out of logs and referrers.

A wrong, an expired and a draft's token look the same. Wrong ones are counted per address: guessing
244 bits is hopeless, and is not free either.
"""

from datetime import datetime

from flask import Blueprint, request
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound as PageNotFound
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response

from payments_app.domain.errors import NotFound
from payments_app.domain.invoice import Invoice
from payments_app.services import invoices
from payments_app.web.throttle import Throttle

bp = Blueprint("public", __name__, url_prefix="/i")

# Some twenty wrong links at once is a confused mail program; more is a search.
wrong_links = Throttle(burst=20, refill_s=6.0)


@bp.after_request
def keep_to_yourself(response: Response) -> Response:
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def invoice_of(db: Session, token: str, now: datetime) -> Invoice:
    """The invoice behind a link. Raises a bare 404, or 429 after too many of them."""
    address = request.remote_addr or ""
    wait_s = wrong_links.wait_s(address)
    if wait_s > 0:
        raise TooManyRequests(
            f"Too many wrong links from here. Try again in {wait_s:.0f} seconds.",
            retry_after=int(wait_s) + 1,
        )
    try:
        return invoices.by_token(db, token.replace("\x00", ""), now=now)
    except NotFound:
        wrong_links.spend(address)
        raise PageNotFound from None
