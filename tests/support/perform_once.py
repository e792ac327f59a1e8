"""A worker process of one job, to be killed at a checkpoint: the plan is in ``CHECKPOINTS``.

``python -m tests.support.perform_once DATABASE_URL WORKER OUTBOX`` claims the oldest job of that
worker's kind and performs it.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

from queue_core import Worker
from tests.support import performing

ROOT = Path(__file__).parent.parent.parent


def killed_at(point: str, url: str, worker: str, folder: Path) -> None:
    """Run one job in a process of its own that dies at this point. Fails if it outlives it."""
    marker = folder / f"{point}.reached"
    plan = f'{{"{point}": {{"do": "kill", "file": "{marker}"}}}}'
    process = subprocess.run(
        [sys.executable, "-m", "tests.support.perform_once", url, worker, str(folder / "outbox")],
        cwd=ROOT,
        env={**os.environ, "CHECKPOINTS": plan},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == -signal.SIGKILL, f"{point} was not reached: {process.stderr}"
    assert marker.exists()


def _worker(name: str, outbox: Path) -> Worker:
    from workers.credit_note_issuer import CreditNoteIssuer
    from workers.email_sender import EmailSender
    from workers.invoice_processor import InvoiceProcessor

    match name:
        case "invoice_processor":
            return InvoiceProcessor()
        case "credit_note_issuer":
            return CreditNoteIssuer()
        case "email_sender":
            return EmailSender(outbox=outbox)
    raise ValueError(f"no worker {name!r}")


def main(url: str, name: str, outbox: str) -> None:
    from payments_app.db import make_engine

    engine = make_engine(url)
    worker = _worker(name, Path(outbox))
    assert worker.args_type is not None
    worker.perform(performing.claim(engine, worker.args_type))


if __name__ == "__main__":
    main(*sys.argv[1:])
