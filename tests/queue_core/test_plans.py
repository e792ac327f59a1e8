"""Plans that are kept must be good for a table that has grown since: made for an empty one, they
still walk an index to the rows they were asked for.
"""

import re

import pytest

from queue_core import Queue
from queue_core.runtime.link import Link
from queue_core.store import Store
from tests.queue_core.support import execute

ASKED_FOR = {
    "claim_jobs": "Index Cond: (queue = ",
    "complete_jobs": "Index Cond: (id = i.id)",
    "probe_jobs": "Index Cond: (queue = q.name)",
}
# As it was first: planned for no rows, it went through all of jobs and looked each up in the batch.
JOIN = """
    SELECT j.ctid
    FROM unnest(%(ids)s::bigint[], %(leases)s::bigint[]) AS i(id, lease)
    JOIN {schema}.jobs j ON j.id = i.id AND j.lease = i.lease AND (j.state || '') = 'executing'
    FOR UPDATE OF j SKIP LOCKED
"""


def kept_plan(queue: Queue, statement: str | None, name: str = "") -> str:
    execute(queue, "TRUNCATE queue.jobs")  # Its indexes too: what is left in them looks like work.
    execute(queue, "ANALYZE queue.jobs")
    link = Link(queue.database_url, queue.schema, "test", lambda _: None)
    link.ensure()
    try:
        if link.connection.info.server_version < 160000:
            pytest.skip("an older server does not show the plan of a statement without values")
        for _ in range(3):
            store = link.store_of_turn(is_plain=True)
        return explain(store, statement or store.text(name))
    finally:
        link.close()


def explain(store: Store, text: str) -> str:
    names: list[str] = []

    def number(found: re.Match[str]) -> str:
        if found[1] not in names:
            names.append(found[1])
        return f"${names.index(found[1]) + 1}"

    statement = re.sub(r"%\((\w+)\)s", number, text.replace("{schema}", store.schema))
    rows = store.connection.execute(  # type: ignore[call-overload]  # its own, of psycopg
        f"EXPLAIN (GENERIC_PLAN, COSTS OFF) {statement}".encode()
    )
    return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize("name", ASKED_FOR)
def test_a_plan_made_for_an_empty_table_serves_a_full_one(queue: Queue, name: str) -> None:
    plan = kept_plan(queue, None, name)

    assert ASKED_FOR[name] in plan
    assert "Seq Scan" not in plan


def test_a_join_planned_for_an_empty_table_would_read_all_of_a_full_one(queue: Queue) -> None:
    """Negative control."""
    assert "Index Cond: (id = i.id)" not in kept_plan(queue, JOIN)


def test_a_turn_of_another_kind_is_planned_for_its_own_values(queue: Queue) -> None:
    link = Link(queue.database_url, queue.schema, "test", lambda _: None)
    link.ensure()
    try:
        seen = []
        for is_plain in (True, True, True, False):
            store = link.store_of_turn(is_plain=is_plain)
            row = store.connection.execute("SHOW plan_cache_mode").fetchone()  # type: ignore[call-overload]
            seen.append(row[0].split("_")[1])
        assert seen == ["custom", "custom", "generic", "custom"]
    finally:
        link.close()
