"""Who acts in this transaction: read by the triggers that write the transition log.

The statement brings the transaction's time along: whoever acts asks for it next.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments_app import clock
from payments_app.domain.access import Role

_ACT = text(
    "SELECT set_config('app.actor', :actor, true), set_config('app.job_id', :job_id, true), "
    "set_config('app.request_id', :request_id, true), set_config('app.reason', :reason, true), "
    f"{clock.NOW_SQL} AS now"
)


_ROLE = text(
    "SELECT role FROM users WHERE 'user:' || id = nullif(current_setting('app.actor', true), '')"
)


def acting_role(session: Session) -> Role | None:
    """The role of the person in whose name this transaction acts; None for keys and workers."""
    found = session.execute(_ROLE).scalar_one_or_none()
    return Role(found) if found else None


def acting(actor: str, *, job_id: int) -> dict[str, str]:
    """The same for ``job.session``, which says it with what it has to say anyway."""
    return {"app.actor": actor, "app.job_id": str(job_id)}


def act_as(
    session: Session,
    actor: str,
    *,
    job_id: int | None = None,
    request_id: str | None = None,
    reason: str | None = None,
) -> None:
    """Say who acts, until this transaction ends: ``api:key_…``, ``user:usr_…``, ``worker:…``."""
    said = session.execute(
        _ACT,
        {
            "actor": actor,
            "job_id": "" if job_id is None else str(job_id),
            "request_id": request_id or "",
            "reason": reason or "",
        },
    ).one()
    clock.keep(session, said.now)
