"""Once an hour: do the invariants hold, on live data, beside the gateway's own journal?

The result is a row, whatever it is; a failure is an error in the log and a banner on the pages. The
job itself succeeds, because it did look: trying again would not make money appear.
"""

from sqlalchemy.orm import sessionmaker

from payments_app import audit, clock
from payments_app.jobs import RunAudit
from payments_app.services import check_runs
from queue_core import Job, Ok, Outcome, Worker

ACTOR = "worker:auditor"


class Auditor(Worker[RunAudit]):
    """Looks at everything and changes nothing."""

    def __init__(self, gateway_url: str) -> None:
        self._gateway_url = gateway_url

    def perform(self, job: Job[RunAudit]) -> Outcome:
        with job.session() as session:
            started_at = clock.now(session)
            # A snapshot must be the first thing in its transaction; the job's own ones begin with
            # their time limit.
            snapshots = sessionmaker(session.get_bind())
        findings, trouble = audit.look(snapshots.begin, self._gateway_url)
        with job.transaction() as session:
            run = check_runs.keep_audit(
                session,
                [finding.as_json() for finding in findings],
                trouble=trouble,
                actor=ACTOR,
                started_at=started_at,
                now=clock.now(session),
            )
            failed = run.failed
        return Ok({"ok": run.ok, "failed": failed})
