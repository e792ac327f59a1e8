"""A money form sent twice is one deed: the page's side of the API's idempotency.

The key was drawn into the form when it was rendered. Key, deed and answer are one transaction, so a
double click, a reload or a second tab finds the first deed and is shown it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from flask import g
from sqlalchemy.orm import Session

from payments_app.services import idempotency


@dataclass(frozen=True, slots=True)
class Done:
    """What the form led to; ``is_repeat``: an earlier one with the same key had done it already."""

    subject_id: str
    is_repeat: bool


def once(
    db: Session, *, account: str, key: str, path: str, said: object, deed: Callable[[], str]
) -> Done:
    """Run ``deed`` (it returns the id of what it made) unless this key has led to it before.

    Raises what the deed raises, IdempotencyKeyReused when the same form says something else now,
    and RequestInProgress while its twin is being executed.
    """
    asked = replace(idempotency.request(key, method="POST", path=path, body=said), account=account)
    earlier = idempotency.reserve(db, asked, g.now)
    if earlier is not None:
        return Done(str(earlier.body["id"]), is_repeat=True)
    made = deed()
    idempotency.finish(db, asked, idempotency.Answer(303, {"id": made}), g.now)
    return Done(made, is_repeat=False)
