"""A worker is killed at every named point of the code, and everything still happens once.

The short form kills at a seeded sample; the full form at each point, at each two points of one
path, and at seeded pairs across paths. A run in which no kill fired is a failure: a kill that did
not happen proves nothing. Of a pair the second may find nothing left to do, for example when the
first one struck behind the last commit; the list that ends the run's output says how many fired.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import sessionmaker

from payments_app.cli.audit import look
from payments_app.db import make_engine
from queue_core import checkpoints
from tests.crash.points import (
    ELSEWHERE,
    POINTS,
    SEED,
    Point,
    named,
    pairs_across_paths,
    pairs_within_a_path,
)
from tests.support.crash_report import FIRED, KILLED_AT
from tests.support.crash_story import Story
from tests.support.mortal_workers import workers
from tests.support.simulator import Simulator

pytestmark = pytest.mark.timeout(400)

SHORT_POINTS = 7
SAMPLE = random.Random(SEED).sample(POINTS, SHORT_POINTS)

Play = Callable[..., None]


@pytest.fixture
def story(app_database_url: str, tmp_path: Path) -> Iterator[tuple[Story, str]]:
    engine = make_engine(app_database_url)
    with Simulator(tmp_path / "gateway") as simulator:
        yield Story(sessionmaker(engine, expire_on_commit=False), simulator), app_database_url
    engine.dispose()


@pytest.fixture
def play(story: tuple[Story, str], tmp_path: Path, record_property) -> Play:
    """Play the story with these kills, then hold the books against the gateway's journal."""
    told, database_url = story

    def played(*kills: Point, in_turn: bool = False) -> None:
        record_property(KILLED_AT, named(*kills))
        markers = [tmp_path / f"killed-{number}" for number in range(len(kills))]
        plan: dict[str, list[dict[str, object]]] = {}
        for (name, nth), marker in zip(kills, markers, strict=True):
            rule: dict[str, object] = {"do": "kill", "nth": nth, "file": str(marker)}
            if in_turn and marker != markers[0]:
                rule["after"] = str(markers[0])
            plan.setdefault(name, []).append(rule)
        with workers(database_url, told.simulator, tmp_path / "data", plan=plan):
            told.play()
        fired = sum(marker.exists() for marker in markers)
        record_property(FIRED, fired)

        assert (told.captures(), told.refunds(), told.captures_of_the_cancelled()) == (1, 1, 0)
        findings, trouble = look(told.sessions, told.simulator.url)
        assert trouble is None
        assert [(f.id, f.examples) for f in findings if f.ok is not True] == []
        assert fired, f"inconclusive: no kill fired at {named(*kills)}"

    return played


@pytest.mark.parametrize("point", SAMPLE, ids=named)
def test_a_kill_at_a_sampled_point_leaves_one_capture_and_clean_books(play, point):
    play(point)


@pytest.mark.full
@pytest.mark.parametrize("point", POINTS, ids=named)
def test_a_kill_at_any_point_leaves_one_capture_and_clean_books(play, point):
    play(point)


@pytest.mark.full
@pytest.mark.parametrize("pair", pairs_within_a_path(), ids=lambda pair: named(*pair))
def test_a_kill_and_a_kill_of_the_heir_leave_one_capture_and_clean_books(play, pair):
    play(*pair, in_turn=True)


@pytest.mark.full
@pytest.mark.parametrize("pair", pairs_across_paths(), ids=lambda pair: named(*pair))
def test_two_kills_in_two_paths_leave_one_capture_and_clean_books(play, pair):
    play(*pair)


def test_there_are_enough_points_to_mean_something():
    # The exercise has points of its own, known in a process that has run its tests.
    known = {name for name in checkpoints.names_known() if not name.startswith("office.")}

    assert len(POINTS) >= 40
    assert set(ELSEWHERE) <= known, "a point that is looked at elsewhere has gone"
    assert {name for name, _ in POINTS} | set(ELSEWHERE) == known
