"""Memory of one worker process that has drained a backlog: resident, and its proportional share.

Resident counts every page that the process can touch; the target is held against it. Forked
children share pages with their supervisor: the proportional size counts each page once.
"""

from pathlib import Path

from benchmarks.contestants import Setup, find
from benchmarks.page import Page
from benchmarks.result import Plan, Result, Target, interleave
from benchmarks.workers import Failed, wait_until, wait_until_settled, workers
from benchmarks.world import World

JOBS, CHILDREN = 20_000, 2
RSS, PSS = "MiB resident", "MiB proportional"
WHO = "queue_core, largest child"


def run(world: World, plan: Plan) -> Result:
    proportional: list[float] = []

    def measure() -> float:
        resident_mib, proportional_mib = _weigh(world, plan.jobs(JOBS))
        proportional.append(proportional_mib)
        return resident_mib

    result = Result("Memory of a worker process")
    result.add(RSS, interleave(plan, {WHO: measure}))
    result.add(PSS, {WHO: proportional})
    result.targets.append(
        Target("resident per child", result.median(WHO, RSS) or 0.0, 80.0, "MiB", at_most=True)
    )
    return result


def _weigh(world: World, jobs: int) -> tuple[float, float]:
    ours, path = find("queue_core"), world.new_page()
    page = Page(path, jobs)
    with world.database(ours.name, ours.install) as url:
        ours.fill(url, range(jobs))
        with workers(ours, url, path, jobs, Setup(processes=CHILDREN)) as started:
            wait_until(lambda: page.count() == jobs, "the last job", started)
            wait_until_settled(ours, url, started)
            weights = [_weight_mib(pid) for pid in _children(started[0].pid)]
    if len(weights) != CHILDREN:
        raise Failed(f"has {len(weights)} children")
    return max(weights)


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(child) for child in listed.split()]


def _weight_mib(pid: int) -> tuple[float, float]:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    kib = {
        line.partition(":")[0]: int(line.split()[1])
        for line in text.splitlines()
        if line.endswith("kB")
    }
    return kib["Rss"] / 1024, kib["Pss"] / 1024
