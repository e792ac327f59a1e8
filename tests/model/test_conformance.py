"""The model decides and records as the code does, in every state that the model can reach.

P: the model's decision equals ``next_step``, and what it commits equals what ``charging.begin``
commits. R: the row after an answer equals the row after ``apply_observation``, run by the real
services on real PostgreSQL from a payment put into the middle of the state. So neither can change
without the other, and what was proven about the model holds for the code.
"""

import random
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from payments_app.db import make_engine
from payments_app.domain.invoice import Invoice
from payments_app.domain.ledger import LedgerPosting
from payments_app.domain.payment import Payment
from payments_app.domain.steps import next_step
from payments_app.gateway.port import Instruction
from payments_app.services import charging, locking, observations
from tests.model import mapping, rows, world
from tests.model.explorer import explore
from tests.model.in_the_middle import put
from tests.model.reduction import NOTHING_LEFT
from tests.model.two_step import TwoStep
from tests.model.world import PAYMENT_FINAL, Answer, Attempt, Left, Request, Row, State, Variant
from tests.support.business import NOW, an_open_invoice

M = world.VARIANTS["M"]
SEED = 4
SHORT_SAMPLE = 60


class Recording(NamedTuple):
    row: Row
    request: Request
    answer: Answer


class Reached:
    """Every decision and every recording that the explored worlds contain, each once."""

    def __init__(self) -> None:
        self.decisions: dict[tuple[Row, int], None] = {}
        self.recordings: dict[Recording, None] = {}

    def look(self, state: State) -> None:
        if state.row.status not in PAYMENT_FINAL:
            self.decisions[state.row, state.deadline] = None
        for worker in state.workers:
            if worker.place == "answered" and isinstance(worker.request, Request):
                self.recordings[Recording(state.row, worker.request, worker.answer)] = None


def left(**budgets: int) -> Left:
    return NOTHING_LEFT._replace(**budgets)


WORLDS = (
    (left(faults=1, steals=1, refusals=1, cancels=1), M),
    (left(faults=1, refusals=1, deadlines=2), M),
    (left(faults=1, refusals=2, cards=1), M),
    (left(faults=1, refusals=1, forgets=1, aging=1), M),
    (left(steals=1, refusals=1, strange=1), M),
    (left(faults=1, refusals=1, looks=1), M),
)
WORLDS_FULL = (
    (left(faults=1, steals=1, refusals=2, forgets=1, aging=1, cards=1), M),
    (left(faults=1, strange=1, steals=1, refusals=1, cancels=1, deadlines=2), M),
    (left(faults=2, steals=1, crashes=1, refusals=1), world.VARIANTS["M without a lease"]),
)


def reach(worlds: tuple[tuple[Left, Variant], ...]) -> Reached:
    reached = Reached()
    for budget, variant in worlds:
        explore(TwoStep(variant, budget), "for conformance", visit=reached.look)
    return reached


@pytest.fixture(scope="module")
def reached() -> Reached:
    return reach(WORLDS)


@pytest.fixture(scope="module")
def engine(app_module_database_url: str) -> Iterator[Engine]:
    engine = make_engine(app_module_database_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def invoice(engine: Engine) -> Invoice:
    with Session(engine, expire_on_commit=False) as session, session.begin():
        return an_open_invoice(session, total_minor=mapping.AMOUNT_MINOR)


def test_the_model_decides_as_next_step_does_in_every_state_it_can_reach(reached):
    for row, deadline in reached.decisions:
        payment = mapping.payment_of(row, deadline, NOW)

        step = next_step(payment, NOW, ever_sent=row.sent)

        assert mapping.step_named(step, payment) == rows.decide(row, deadline), (row, deadline)
    assert len(reached.decisions) > 500


def test_the_intention_that_the_model_commits_is_the_one_that_the_services_commit(
    reached, engine, invoice
):
    for row, deadline in sample(reached.decisions):
        check_intention(engine, invoice, row, deadline)


def test_the_fact_that_the_model_records_is_the_one_that_the_services_record(
    reached, engine, invoice
):
    for recording in sample(reached.recordings):
        check_recording(engine, invoice, recording)


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_model_and_services_agree_in_every_state_of_larger_worlds(engine, invoice):
    reached = reach(WORLDS + WORLDS_FULL)

    for row, deadline in reached.decisions:
        check_intention(engine, invoice, row, deadline)
    for recording in reached.recordings:
        check_recording(engine, invoice, recording)
    assert len(reached.recordings) > 10_000


def sample(cases) -> list:
    """A part that is another at each seed and the same at each run."""
    known = list(cases)
    return random.Random(SEED).sample(known, min(SHORT_SAMPLE, len(known)))


def check_intention(engine: Engine, invoice: Invoice, row: Row, deadline: int) -> None:
    expected, asked = rows.begin(row, deadline)
    if rows.decide(row, deadline)[0] == "wait":
        return
    with Session(engine, expire_on_commit=False) as session:
        payment = placed(session, row, deadline, invoice)
        step = next_step(payment, NOW, ever_sent=row.sent)
        charging.decide(session, payment, NOW)
        if asked is None:
            charging.end_locally(payment, NOW)
            session.flush()
        else:
            assert isinstance(step, charging.Call)
            instruction = charging.begin(session, payment, step, NOW, job_id=1, lease=1)
            assert isinstance(instruction, Instruction)
            assert mapping.request_of(instruction, payment) == asked, (row, deadline)
        assert mapping.row_of(payment, now=NOW, posts=0) == expected, (row, deadline)


def check_recording(engine: Engine, invoice: Invoice, recording: Recording) -> None:
    row, request, answer = recording
    expected = rows.record(M, row, request, answer)
    with Session(engine, expire_on_commit=False) as session:
        placed(session, with_attempts(row, request.attempt), 0, invoice)
        asked = mapping.request_row_of(row, request)
        put(session, asked)

        payment = observations.apply_observation(
            session,
            locking.lock_payment_asked_about(session, asked.id),
            mapping.observation_of(request, answer),
            now=NOW,
        )

        posts = row.posts + captures_posted(session)
        assert mapping.row_of(payment, now=NOW, posts=posts) == expected, recording
        orphans = session.scalar(
            text("SELECT count(*) FROM queue.jobs WHERE kind = 'cancel_orphan_intent'")
        )
        assert bool(orphans) == rows.is_orphan(expected, request, answer), recording


def with_attempts(row: Row, number: int) -> Row:
    """An ended payment of the model has dropped its attempts; the database keeps them."""
    if row.status not in PAYMENT_FINAL:
        return row
    return row._replace(attempts=(Attempt("unknown"),) * number)


def placed(session: Session, row: Row, deadline: int, invoice: Invoice) -> Payment:
    """The payment in the middle of its life, in a transaction that nobody will commit."""
    payment = mapping.payment_of(row, deadline, NOW, invoice)
    put(session, payment)
    return payment


def captures_posted(session: Session) -> int:
    found = session.scalar(
        select(func.count()).where(LedgerPosting.source_id == mapping.PAYMENT_ID)
    )
    return int(found or 0)
