"""Three minutes of inserting and working off at full speed: does it slow down, or the table grow?

Every settled job leaves dead rows in the hot table; a queue that waits for autovacuum walks over
more of them with each claim. The inserter keeps a few thousand jobs waiting, so that the worker
decides the speed.
"""

import threading
import time

from sqlalchemy.orm import Session

from benchmarks.contestants import Contestant, Setup, find
from benchmarks.contestants.ours import Touch
from benchmarks.page import Page
from benchmarks.result import Plan, Result, Target
from benchmarks.workers import Failed, wait_until, workers
from benchmarks.world import World, connect
from queue_core import Queue

DURATION_S = 180.0
BATCH, BACKLOG = 500, 5_000
# More than can be done: the page is made before it is known how many there will be.
JOBS_PER_S_MAX = 40_000
SIZE = b"SELECT pg_total_relation_size('queue.jobs') / 1048576.0"
RATE, SHARE, SIZE_UNIT = "jobs/s", "of the run", "MB"


def run(world: World, plan: Plan) -> Result:
    duration_s = plan.seconds(DURATION_S)
    part_s = duration_s / 6
    counts, sizes_mb = _churn(world, find("queue_core"), duration_s)
    first, last = _rate(counts, 0, part_s), _rate(counts, duration_s - part_s, duration_s)
    result = Result(f"{duration_s:.0f} seconds of steady churn")
    sixths = [_rate(counts, part_s * at, part_s * (at + 1)) for at in range(6)]
    for at, rate in enumerate(sixths, start=1):
        result.add(RATE, {f"queue_core, sixth {at} of the run": [rate]})
    result.add(SIZE_UNIT, {"queue_core, hot table at its largest": [max(sizes_mb)]})
    result.targets = [
        Target("last part / first part", last / first, 0.9),
        Target("hot table with indexes", max(sizes_mb), 100.0, SIZE_UNIT, at_most=True),
    ]
    return result


def _churn(
    world: World, contestant: Contestant, duration_s: float
) -> tuple[list[tuple[float, int]], list[float]]:
    """(second, executed until then), and sizes of the hot table."""
    jobs_max = int(JOBS_PER_S_MAX * (duration_s + 10))
    path = world.new_page()
    page = Page(path, jobs_max)
    counts: list[tuple[float, int]] = []
    sizes_mb: list[float] = []
    with world.database(contestant.name, contestant.install) as url:
        inserter = _Inserter(url, page)
        with workers(contestant, url, path, jobs_max, Setup()) as started, connect(url) as watcher:
            inserter.start()
            wait_until(lambda: page.count(inserter.inserted) > BACKLOG, "its pace", started)
            begun_s = time.monotonic()
            while (passed_s := time.monotonic() - begun_s) <= duration_s:
                if not inserter.is_alive():
                    raise Failed("has no inserter any more; its error is above")
                counts.append((passed_s, page.count(inserter.inserted)))
                row = watcher.execute(SIZE).fetchone()
                sizes_mb.append(float(row[0]) if row else 0.0)
                print(f"  {passed_s:4.0f} s: {counts[-1][1]:,} jobs", end="\r", flush=True)
                time.sleep(min(1.0, duration_s / 30))
            inserter.stop()
    print()
    return counts, sizes_mb


class _Inserter(threading.Thread):
    """Keeps the backlog; in the parent, so that the worker process has its interpreter alone."""

    def __init__(self, url: str, page: Page) -> None:
        super().__init__(daemon=True)
        self.inserted = 0
        self._url, self._page = url, page
        self._stopping = threading.Event()

    def run(self) -> None:
        queue = Queue(self._url)
        with Session(queue.engine) as session:
            while not self._stopping.is_set():
                if self.inserted - self._page.count(self.inserted) < BACKLOG:
                    numbers = range(self.inserted, self.inserted + BATCH)
                    queue.insert_all(session, map(Touch, numbers))
                    session.commit()
                    self.inserted += BATCH
                else:
                    self._stopping.wait(0.005)
        queue.engine.dispose()

    def stop(self) -> None:
        self._stopping.set()
        self.join()


def _rate(counts: list[tuple[float, int]], from_s: float, to_s: float) -> float:
    some = [(at_s, count) for at_s, count in counts if from_s <= at_s <= to_s]
    (begun_s, before), (ended_s, after) = some[0], some[-1]
    return (after - before) / (ended_s - begun_s)
