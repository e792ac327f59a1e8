"""A worker is killed at every named point of the code, and everything still happens once.

The short form kills at a seeded sample; the full form at each point, and at seeded pairs. A point
that was not reached is a failure: a kill that did not happen proves nothing.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import sessionmaker

from payments_app.cli.audit import look
from payments_app.db import make_engine
from queue_core import checkpoints
from tests.support.crash_story import Story, workers
from tests.support.simulator import Simulator
from workers import registry  # noqa: F401 - registers the workers' checkpoints

SEED = 20261123
SHORT_POINTS = 8
PAIRS = 300

# Points that one worker process reaches more than once in a story: killed there at each time.
TIMES = {
    "claim.committed": 3,
    "job.started": 3,
    "job.performed": 3,
    "settle.begun": 2,
    "settle.committed": 2,
    "insert.written": 3,
    "complete.written": 3,
    "payment.locked": 2,
    "payment.decided": 2,
    "payment.sending": 2,
    "payment.answered": 2,
    "payment.observed": 2,
    "payment.recorded": 2,
    "mail.claimed": 2,
    "mail.transmitted": 2,
    "mail.recorded": 2,
}
# Reached by other paths than this story's: each has a test of its own, named beside it.
ELSEWHERE = {
    "release.begun": "tests/queue_core: shutdown gives held jobs back",
    "release.committed": "tests/queue_core: shutdown gives held jobs back",
    "reap.deleted": "tests/queue_core: a lost node's jobs are released",
    "stage.committed": "tests/queue_core: staging survives its leader",
}
POINTS = [
    (name, nth)
    for name in checkpoints.names_known()
    if name not in ELSEWHERE
    for nth in range(1, TIMES.get(name, 1) + 1)
]
SAMPLE = random.Random(SEED).sample(POINTS, SHORT_POINTS)


@pytest.fixture
def story(app_database_url: str, tmp_path: Path) -> Iterator[tuple[Story, str]]:
    engine = make_engine(app_database_url)
    with Simulator(tmp_path / "gateway") as simulator:
        yield Story(sessionmaker(engine, expire_on_commit=False), simulator), app_database_url
    engine.dispose()


def play(story: tuple[Story, str], folder: Path, *kills: tuple[str, int]) -> None:
    told, database_url = story
    plan = {
        name: {"do": "kill", "nth": nth, "file": str(folder / f"killed-{number}")}
        for number, (name, nth) in enumerate(kills)
    }
    with workers(database_url, told.simulator, folder / "data", plan=plan):
        told.play()

    assert told.captures() == 1
    assert told.refunds() == 1
    findings, trouble = look(told.sessions, told.simulator.url)
    assert trouble is None
    assert [(f.id, f.examples) for f in findings if f.ok is not True] == []
    fired = [(folder / f"killed-{number}").exists() for number in range(len(kills))]
    assert any(fired), f"inconclusive: no kill fired at {kills}"


@pytest.mark.parametrize(("name", "nth"), SAMPLE)
def test_a_kill_at_a_sampled_point_leaves_one_capture_and_clean_books(story, tmp_path, name, nth):
    play(story, tmp_path, (name, nth))


@pytest.mark.full
@pytest.mark.parametrize(("name", "nth"), POINTS)
def test_a_kill_at_any_point_leaves_one_capture_and_clean_books(story, tmp_path, name, nth):
    play(story, tmp_path, (name, nth))


@pytest.mark.full
@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", range(PAIRS))
def test_two_kills_at_any_two_points_leave_one_capture_and_clean_books(story, tmp_path, number):
    first, second = random.Random(SEED + number).sample(POINTS, 2)

    play(story, tmp_path, first, second)


def test_there_are_enough_points_to_mean_something():
    assert len(POINTS) >= 40
