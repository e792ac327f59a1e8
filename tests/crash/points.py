"""Where a worker is killed: every named point, each time that the story passes it, and pairs.

A point is a name and the how manieth passing in one worker process. Points of one path follow one
another, so a second kill meets the work that the first one interrupted; points of different paths
meet by chance, and the chance is seeded.
"""

import random
from itertools import combinations_with_replacement

from queue_core import checkpoints
from workers import registry  # noqa: F401 - registers the workers' checkpoints

Point = tuple[str, int]

SEED = 20261123
CROSSING_PAIRS = 300

# Points that one worker process passes more than once in a story, and the passings that differ. Of
# a payment: the first makes the intent, the second charges, the fourth is declined, the fifth
# cancels (behind a look at the waiting payment, which only locks).
PASSINGS = {
    "claim.committed": (1, 2, 3),
    "job.started": (1, 2, 3),
    "job.performed": (1, 2, 3),
    "settle.begun": (1, 2),
    "settle.committed": (1, 2),
    "insert.written": (1, 2, 3),
    "complete.written": (1, 2, 3),
    "payment.locked": (1, 2, 4, 6),
    "payment.decided": (1, 2, 4, 5),
    "payment.sending": (1, 2, 4, 5),
    "payment.answered": (1, 2, 4, 5),
    "payment.observed": (1, 2, 4, 5),
    "payment.recorded": (1, 2, 4, 5),
    "mail.claimed": (1, 2),
    "mail.transmitted": (1, 2),
    "mail.recorded": (1, 2),
}
# Passed by other paths than this story's: each has a test of its own, named beside it.
ELSEWHERE = {
    "release.begun": "tests/queue_core: shutdown gives held jobs back",
    "release.committed": "tests/queue_core: shutdown gives held jobs back",
    "reap.deleted": "tests/queue_core: a lost node's jobs are released",
    "stage.committed": "tests/queue_core: staging survives its leader",
}
POINTS: list[Point] = [
    (name, nth)
    for name in checkpoints.names_known()
    if name not in ELSEWHERE
    for nth in PASSINGS.get(name, (1,))
]
# Of the queue's own points the first passing each: the pairs of all would be of the same kind.
QUEUE = "the queue"


def path_of(point: Point) -> str:
    """Which piece of work a point belongs to: a payment's points serve three."""
    name, nth = point
    if name in checkpoints.CHECKPOINTS:
        return QUEUE
    path = name.partition(".")[0]
    if path == "payment" and nth > 2:
        return "decline" if nth == 4 else "cancel"
    return path


def pairs_within_a_path() -> list[tuple[Point, Point]]:
    """A point, and one of the same path at or behind it for the heir, by its own passings.

    The heir starts with what was interrupted, so it passes the same point for its first time.
    """
    few = [point for point in POINTS if path_of(point) != QUEUE or point[1] == 1]
    few.sort(key=lambda point: (path_of(point), min(point[1], 5)))
    return [
        ((name, nth), (heirs, max(later - nth, 0) + 1))
        for (name, nth), (heirs, later) in combinations_with_replacement(few, 2)
        if path_of((name, nth)) == path_of((heirs, later))
    ]


def pairs_across_paths(count: int = CROSSING_PAIRS) -> list[tuple[Point, Point]]:
    """Points of two paths, by a seeded chance: the same at each run."""
    chance = random.Random(SEED)
    found: dict[tuple[Point, Point], None] = {}
    while len(found) < count:
        first, second = chance.sample(POINTS, 2)
        if path_of(first) != path_of(second):
            found[first, second] = None
    return list(found)


def named(*points: Point) -> str:
    """As the report shows it: ``payment.sending 2 + mail.claimed 1``."""
    return " + ".join(f"{name} {nth}" for name, nth in points)
