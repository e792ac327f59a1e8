"""One drain: jobs wait, workers start, the clock runs until the database holds none of them.

It runs from the moment when a tenth has been executed, so that starting processes and warming up
count for nobody, to the commit of the last settlement: executed but unsettled is not done. Every
job must have been executed exactly once.
"""

from benchmarks.contestants import Contestant, Setup
from benchmarks.page import Page
from benchmarks.workers import Failed, wait_until, wait_until_settled, workers
from benchmarks.world import World

WARM_UP_SHARE = 0.1


def drain(world: World, contestant: Contestant, jobs: int, setup: Setup) -> float:
    """Jobs per second, on a new database."""
    with world.database(contestant.name, contestant.install) as url:
        contestant.fill(url, range(jobs))
        return drain_filled(world, contestant, url, jobs, setup)


def drain_filled(world: World, contestant: Contestant, url: str, jobs: int, setup: Setup) -> float:
    path = world.new_page()
    page = Page(path, jobs)
    warm = int(jobs * WARM_UP_SHARE)
    with workers(contestant, url, path, jobs, setup) as started:
        begun_ns = wait_until(lambda: page.count() >= warm, "the first tenth", started)
        warm = page.count()
        wait_until(lambda: page.count() == jobs, "the last job", started)
        ended_ns = wait_until_settled(contestant, url, started)
    if page.executions() != jobs:
        raise Failed(f"{contestant.name} executed {jobs} jobs {page.executions()} times")
    return (jobs - warm) / (ended_ns - begun_ns) * 1e9
