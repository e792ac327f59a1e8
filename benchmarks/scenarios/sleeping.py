"""Jobs that take a while: 2,000 of 20 ms in 50 slots, ideally 2,500 a second.

From the first start to the last settled job, with nothing left out.
"""

from functools import partial

from benchmarks.contestants import Contestant, Setup, find
from benchmarks.page import Page
from benchmarks.result import Measure, Plan, Result, Target, interleave
from benchmarks.workers import wait_until, wait_until_settled, workers
from benchmarks.world import World

JOBS, SLEEP_MS, SLOTS = 2000, 20, 50
IDEAL = SLOTS * 1000 / SLEEP_MS
CONTESTANTS = {
    "queue_core": "queue_core",
    "PGQueuer": "pgqueuer",
    "Procrastinate": "procrastinate",
}
UNIT = "jobs/s"


def run(world: World, plan: Plan) -> Result:
    names = CONTESTANTS if plan.with_peers else {"queue_core": "queue_core"}
    measures: dict[str, Measure] = {
        who: partial(_work_off, world, find(name), plan.jobs(JOBS)) for who, name in names.items()
    }
    result = Result(f"{JOBS:,} jobs sleeping {SLEEP_MS} ms, {SLOTS} slots")
    result.add(UNIT, interleave(plan, measures))
    ours = result.median("queue_core", UNIT) or 0.0
    result.targets.append(Target(f"of the ideal {IDEAL:,.0f}/s", ours / IDEAL, 0.95))
    return result


def _work_off(world: World, contestant: Contestant, jobs: int) -> float:
    path = world.new_page()
    page = Page(path, jobs)
    with world.database(contestant.name, contestant.install) as url:
        contestant.fill(url, range(jobs), sleep_ms=SLEEP_MS)
        with workers(contestant, url, path, jobs, Setup(slots=SLOTS)) as started:
            wait_until(lambda: page.count() > 0, "the first job", started)
            wait_until(lambda: page.count() == jobs, "the last job", started)
            ended_ns = wait_until_settled(contestant, url, started)
    # Executions are noted at their end, so the first began one sleep before the first note.
    begun_ns = min(page.time_ns(number) for number in range(jobs)) - SLEEP_MS * 1_000_000
    return jobs / (ended_ns - begun_ns) * 1e9
