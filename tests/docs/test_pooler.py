"""What the guide says of an application behind PgBouncer: the queue's own engine copes."""

import pytest

from queue_core import Queue, worker
from tests.queue_core import pooler
from tests.queue_core.pooler import Pooler

# psycopg prepares a statement when it runs for the sixth time on a connection.
TIMES = 10


@worker
def greet(job):
    """Only inserted here; tests/queue_core/test_pooler.py performs."""


@pytest.mark.skipif(pooler.PROGRAM is None, reason="no PgBouncer here: apt-get install pgbouncer")
def test_connections_that_share_a_server_session_insert_behind_a_transaction_pooler(
    database_url: str,
):
    with Pooler(database_url) as between:
        queue = Queue(between.url)
        queue.install()
        with queue.engine.connect() as one, queue.engine.connect() as other:
            for number in range(TIMES):
                for connection in (one, other):
                    with connection.begin():
                        queue.insert(connection, greet.new(number=number))
        stored = queue.stats()
        queue.engine.dispose()

    assert stored == {"default": {"available": 2 * TIMES}}
