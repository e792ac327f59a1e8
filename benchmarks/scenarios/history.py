"""Does a long past, or a full calendar, slow the present? Two databases, drained in turn.

One is new. The other holds five million finished jobs of the last two days and a million that are
due in a month.
"""

from functools import partial

from benchmarks.contestants import Contestant, Setup, find
from benchmarks.drain import drain_filled
from benchmarks.result import Measure, Plan, Result, interleave
from benchmarks.world import World, connect

FINISHED, FUTURE, JOBS = 5_000_000, 1_000_000, 60_000
EMPTY, FULL = "queue_core, empty", "queue_core, 5,000,000 finished and 1,000,000 future"
UNIT = "jobs/s"
PAST = b"""
INSERT INTO queue.job_history (id, state, queue, kind, priority, attempt, max_attempts, lease,
    snoozed, rescues, inserted_at, scheduled_at, attempted_at, finished_at, tags, args, meta)
SELECT nextval('queue.jobs_id_seq'), 'completed', 'default', 'touch', 0, 1, 20, 1,
    0, 0, at, at, at, at, '{}', jsonb_build_object('number', n, 'sleep_ms', 0), '{}'
FROM (SELECT n, now() - n * interval '2 days' / %(rows)s AS at
      FROM generate_series(1, %(rows)s) AS n) AS past
"""
CALENDAR = b"""
INSERT INTO queue.jobs (state, queue, kind, scheduled_at, args)
SELECT 'scheduled', 'default', 'touch', now() + interval '30 days' + n * interval '1 second',
    jsonb_build_object('number', n, 'sleep_ms', 0)
FROM generate_series(1, %(rows)s) AS n
"""


def run(world: World, plan: Plan) -> Result:
    ours = find("queue_core")
    result = Result("Drain beside history and future-dated jobs")
    with (
        world.database(ours.name, ours.install) as empty,
        world.database(ours.name, ours.install) as full,
    ):
        _live_long(full, plan)
        measures: dict[str, Measure] = {
            EMPTY: partial(_drain, world, ours, empty, plan.jobs(JOBS)),
            FULL: partial(_drain, world, ours, full, plan.jobs(JOBS)),
        }
        result.add(UNIT, interleave(plan, measures))
    result.compare("full / empty", FULL, EMPTY, UNIT, 0.95)
    return result


def _live_long(url: str, plan: Plan) -> None:
    with connect(url) as connection:
        connection.execute(PAST, {"rows": plan.jobs(FINISHED)})
        connection.execute(CALENDAR, {"rows": plan.jobs(FUTURE)})
        # As autovacuum would have left it, had it lived so long; the drains then start at peace.
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")


def _drain(world: World, contestant: Contestant, url: str, jobs: int) -> float:
    contestant.fill(url, range(jobs))
    rate = drain_filled(world, contestant, url, jobs, Setup())
    with connect(url) as connection:
        connection.execute("CHECKPOINT")
    return rate
