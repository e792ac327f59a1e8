"""Behind PgBouncer in transaction mode everything works, by polling."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from queue_core import Queue, control
from tests.queue_core import pooler
from tests.queue_core.isolated import Alone
from tests.queue_core.pooler import Pooler
from tests.queue_core.program import WORKERS, Add, Chain, Mark, Wait
from tests.queue_core.support import QUEUES, insert, job
from tests.support.waiting import wait_until


@pytest.mark.skipif(pooler.PROGRAM is None, reason="no PgBouncer here: apt-get install pgbouncer")
def test_everything_works_behind_a_transaction_pooler(
    queue: Queue, start: Any, tmp_path: Path
) -> None:
    with Pooler(queue.database_url) as between:
        application = Queue(between.url, queues=QUEUES, workers=WORKERS)
        program = start(url=between.url, poll_s=0.2, lease_s=5.0).ready()
        running = insert(application, Wait(str(tmp_path / "x")))
        wait_until((tmp_path / "x.started-1").exists)
        wanted: list[tuple[Any, dict[str, Any]]] = [
            *((Add(number), {}) for number in range(20)),  # Often enough to prepare, if it did.
            *((Chain(number), {}) for number in range(5)),
            *((Mark(number), {}) for number in range(20)),
            (Alone("effect"), {}),
            (Add(), {"schedule_in": 0.2}),
            (Add(), {"queue": "other"}),
        ]
        for args, options in wanted:
            insert(application, args, **options)
        with application.engine.begin() as connection:
            control.cancel(connection, running, reason="withdrawn")

        wait_until(lambda: job(queue, running)["state"] == "cancelled", what=program.text)
        wait_until(partial(all_completed, queue, len(wanted) + 5), timeout_s=20, what=program.text)
        application.engine.dispose()

    assert "loop.failed" not in program.text
    assert "Traceback" not in program.text


@pytest.mark.full
def test_a_restarted_pooler_loses_nothing(queue: Queue, start: Any) -> None:
    """R11: a dead pooler is a database that is away for a moment."""
    count = 3000
    with queue.engine.begin() as connection:
        queue.insert_all(connection, [Add(number) for number in range(count)])
    with Pooler(queue.database_url) as between:
        program = start(url=between.url, processes=2, lease_s=5.0)
        for share in (count // 4, count // 2):
            wait_until(partial(all_completed, queue, share), timeout_s=60, what=program.text)
            between.restart()
        wait_until(partial(all_completed, queue, count), timeout_s=60, what=program.text)

    with queue.engine.connect() as connection:
        effects = sqlalchemy.text("SELECT count(*), count(DISTINCT job) FROM effects")
        assert tuple(connection.execute(effects).one()) == (count, count)
    assert queue.stats() == {"default": {"completed": count}}


def all_completed(queue: Queue, count: int) -> bool:
    return sum(states.get("completed", 0) for states in queue.stats().values()) >= count
