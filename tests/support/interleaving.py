"""Two runs of one piece of code, stepped from checkpoint to checkpoint in an order that we choose.

A schedule is a string: ``AAB`` lets A go to its second checkpoint and then B to its first; when the
string is used up, the one who ran last goes on to its end, then the other. The same string gives
the same run, so a failing schedule is a test that can be written down.

A run that waits for a row lock of the other cannot be stepped: it is passed over until it is free.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Engine, text

from payments_app.db import make_engine
from queue_core import checkpoints

Code = Callable[[Engine], object]

STEP_TIMEOUT_S = 30.0
LOOK_EVERY_S = 0.02
_WAITS_FOR_A_LOCK = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE application_name = :name AND datname = current_database()"
    " AND wait_event_type = 'Lock'"
)


@dataclass
class Run:
    """One of the two: a thread that stops at each checkpoint until it is told to go on."""

    letter: str
    code: Code
    engine: Engine
    trace: list[str] = field(default_factory=list)
    error: BaseException | None = None
    done: bool = False
    _go: threading.Event = field(default_factory=threading.Event)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, name=self.letter, daemon=True)
        self._stopped.set()

    def arrive(self, point: str) -> None:
        """In its own thread: say where it is, and wait."""
        self.trace.append(point)
        self._go.clear()
        self._stopped.set()
        assert self._go.wait(STEP_TIMEOUT_S), f"{self.letter} was never let go on from {point}"

    def step(self) -> None:
        """Let it go on. It has not stopped when this returns: ``settle`` waits for that."""
        self._stopped.clear()
        if self.thread.ident is None:
            self.thread.start()
        else:
            self._go.set()

    def settle(self, look: Engine) -> bool:
        """Wait until it is at a checkpoint or at its end. False: it waits for a row lock."""
        name = self.engine.url.query.get("application_name", "") or application(self.letter)
        for _ in range(int(STEP_TIMEOUT_S / LOOK_EVERY_S)):
            if self._stopped.wait(LOOK_EVERY_S):
                return True
            with look.connect() as connection:
                if connection.execute(_WAITS_FOR_A_LOCK, {"name": name}).scalar_one():
                    return False
        raise AssertionError(f"{self.letter} neither goes on nor waits after {self.trace}")

    def _run(self) -> None:
        try:
            self.code(self.engine)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test judges it
            self.error = error
        self.done = True
        self._stopped.set()


class Stepper:
    """Stands where the checkpoints look for their plan, and stops the threads that it knows."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}

    def __bool__(self) -> bool:
        return True

    def __contains__(self, point: str) -> bool:
        run = self.runs.get(threading.current_thread().name)
        if run is not None and run.thread is threading.current_thread():
            run.arrive(point)
        return False  # Nothing more is to be done there.


@contextmanager
def stepping() -> Iterator[Stepper]:
    """While this is open, checkpoints stop the runs of ``play``."""
    before, stepper = checkpoints._plan, Stepper()
    checkpoints._plan = stepper  # type: ignore[assignment]
    try:
        yield stepper
    finally:
        checkpoints._plan = before


def play(
    database_url: str, look: Engine, schedule: str, codes: Mapping[str, Code]
) -> dict[str, Run]:
    """Run both to their ends in the order of the schedule, and return what they did."""
    with stepping() as stepper:
        for letter, code in codes.items():
            engine = make_engine(database_url, application_name=application(letter))
            stepper.runs[letter] = Run(letter, code, engine)
        runs = stepper.runs
        blocked: set[str] = set()
        for wanted in _all_letters(schedule, runs):
            chosen = _who(wanted, runs, blocked)
            if chosen is None:
                break
            chosen.step()
            # Whoever waited for a lock of this one may be free now, and then has gone on.
            for letter in [chosen.letter, *(blocked - {chosen.letter})]:
                if runs[letter].settle(look):
                    blocked.discard(letter)
                else:
                    blocked.add(letter)
        for run in runs.values():
            run.thread.join(STEP_TIMEOUT_S)
            run.engine.dispose()
        return runs


def schedules(points: int) -> list[str]:
    """Every order with at most two preemptions: one goes i steps, the other j, then both end."""
    found = {
        first * i + second * j
        for first, second in ("AB", "BA")
        for i in range(points + 1)
        for j in range(points + 1)
    }
    return sorted(found, key=lambda each: (len(each), each))


def application(letter: str) -> str:
    return f"interleaved {letter}"


def _all_letters(schedule: str, runs: dict[str, Run]) -> Iterator[str]:
    yield from schedule
    # Two preemptions are used up: the first to have run goes on to its end, then the other.
    order = list(dict.fromkeys(schedule + "".join(runs)))
    for letter in order:
        while not runs[letter].done:
            yield letter


def _who(wanted: str, runs: dict[str, Run], blocked: set[str]) -> Run | None:
    """The one that the schedule wants, unless it cannot go on: then the other."""
    for letter in [wanted, *runs]:
        if not runs[letter].done and letter not in blocked:
            return runs[letter]
    assert not blocked, f"both wait for each other: {blocked}"
    return None
