"""How fast a backlog of jobs that do nothing is worked off: without and with claiming ahead, and by
two processes.

Numbers of jobs differ by contestant, so that each runs for some seconds; nobody's rate depends on
how many wait.
"""

from functools import partial

from benchmarks.contestants import Setup, find
from benchmarks.drain import drain
from benchmarks.result import Measure, Plan, Result, interleave
from benchmarks.world import World

BARE, AHEAD, TWO = "queue_core, nothing ahead", "queue_core", "queue_core, 2 processes"
PEER, WIDE, WIDE_TWO = "PGQueuer", "PGQueuer widened", "PGQueuer widened, 2 processes"
OURS = {
    BARE: ("queue_core", 15_000, Setup(claims_ahead=False)),
    AHEAD: ("queue_core", 60_000, Setup()),
    TWO: ("queue_core", 90_000, Setup(processes=2)),
    "raw psycopg loop, 100 a turn": ("raw", 60_000, Setup()),
}
PEERS = {
    PEER: ("pgqueuer", 6_000, Setup()),
    WIDE: ("pgqueuer", 40_000, Setup(widened=True)),
    WIDE_TWO: ("pgqueuer", 60_000, Setup(widened=True, processes=2)),
    "Procrastinate": ("procrastinate", 1_500, Setup()),
    "Procrastinate widened": ("procrastinate", 1_500, Setup(widened=True)),
}
UNIT = "jobs/s"


def run(world: World, plan: Plan) -> Result:
    cases = {**OURS, **PEERS} if plan.with_peers else OURS
    measures: dict[str, Measure] = {
        who: partial(drain, world, find(name), plan.jobs(jobs), setup)
        for who, (name, jobs, setup) in cases.items()
    }
    result = Result("Drain of no-op jobs, 10 slots")
    result.add(UNIT, interleave(plan, measures))
    result.compare("nothing claimed ahead / PGQueuer", BARE, PEER, UNIT, 1.5)
    result.compare("claim-ahead / PGQueuer widened", AHEAD, WIDE, UNIT, 1.5)
    result.compare("2 processes / PGQueuer widened with 2", TWO, WIDE_TWO, UNIT, 1.5)
    result.compare("2 processes / own single process", TWO, AHEAD, UNIT, 1.5)
    return result
