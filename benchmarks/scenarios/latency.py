"""How soon an idle worker starts a job: from the return of the insert's commit to `perform`."""

import random
import statistics
import time
from functools import partial

from benchmarks.contestants import Contestant, Setup, find
from benchmarks.page import Page
from benchmarks.result import Plan, Result, Target
from benchmarks.workers import wait_until, workers
from benchmarks.world import World

CONTESTANTS = {
    "queue_core": "queue_core",
    "PGQueuer": "pgqueuer",
    "Procrastinate": "procrastinate",
}
SAMPLES = 150
WARM_UP = 10
# So long that the worker has settled and sleeps again, and out of step with every timer.
PAUSE_MIN_S, PAUSE_MAX_S = 0.02, 0.06
P50, P99 = "ms p50", "ms p99"


def run(world: World, plan: Plan) -> Result:
    names = CONTESTANTS if plan.with_peers else {"queue_core": "queue_core"}
    samples: dict[str, list[list[float]]] = {who: [] for who in names}
    for number in range(plan.rounds):
        for who in sorted(names, reverse=bool(number % 2)):
            samples[who].append(_sample(world, find(names[who]), plan.jobs(SAMPLES)))
            print(f"  round {number + 1}: {who}: {_p50(samples[who][-1]):.2f} ms", flush=True)
    result = Result("Start latency of an idle worker")
    result.add(P50, {who: [_p50(one) for one in rounds] for who, rounds in samples.items()})
    result.add(P99, {who: [_p99(one) for one in rounds] for who, rounds in samples.items()})
    ours_p50, ours_p99 = result.median("queue_core", P50), result.median("queue_core", P99)
    assert ours_p50 is not None
    assert ours_p99 is not None
    at_most = partial(Target, unit="ms", at_most=True)
    result.targets = [at_most("p50", ours_p50, 1.5), at_most("p99", ours_p99, 5.0)]
    for unit, ours in ((P50, ours_p50), (P99, ours_p99)):
        peers = [line.median for line in result.lines if line.unit == unit][1:]
        if peers:
            result.targets.append(at_most(f"{unit}, ahead of both peers", ours, min(peers)))
    return result


def _sample(world: World, contestant: Contestant, jobs: int) -> list[float]:
    """Milliseconds per job."""
    path = world.new_page()
    page = Page(path, jobs)
    pauses = random.Random(jobs)
    waits_ms: list[float] = []
    with (
        world.database(contestant.name, contestant.install) as url,
        workers(contestant, url, path, jobs, Setup()) as started,
        contestant.inserter(url) as insert,
    ):
        for number in range(jobs):
            insert(number)
            committed_ns = time.monotonic_ns()
            wait_until(lambda: page.count() > number, "a job", started)  # noqa: B023
            waits_ms.append((page.time_ns(number) - committed_ns) / 1e6)
            time.sleep(pauses.uniform(PAUSE_MIN_S, PAUSE_MAX_S))
    return waits_ms[min(WARM_UP, jobs // 5) :]


def _p50(waits_ms: list[float]) -> float:
    return statistics.median(waits_ms)


def _p99(waits_ms: list[float]) -> float:
    return statistics.quantiles(waits_ms, n=100, method="inclusive")[98]
