"""The refund model decides and records as the code does, in every state that it can reach."""

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from payments_app.db import make_engine
from payments_app.domain.invoice import Invoice
from payments_app.domain.refund_steps import Park, next_refund_step
from payments_app.domain.steps import Wait
from payments_app.services import refunding
from tests.model import refund_mapping as mapping
from tests.model import refund_rows as rows
from tests.model.explorer import explore
from tests.model.in_the_middle import put
from tests.model.mapping import AMOUNT_MINOR
from tests.model.refund_model import Assumptions, Refunds
from tests.model.refund_rows import REFUND_FINAL, Answer, Refund, Request
from tests.model.refund_world import Left, State
from tests.support.business import NOW, an_open_invoice

REQUEST_LIFE_S = 22.0
SEED = 4
SHORT_SAMPLE = 60


class Recording(NamedTuple):
    row: Refund
    request: Request
    answer: Answer


class Reached:
    """Every row to decide about and every recording, each once."""

    def __init__(self) -> None:
        self.rows: dict[Refund, None] = {}
        self.recordings: dict[Recording, None] = {}

    def look(self, state: State) -> None:
        for row in state.refunds:
            if row.status not in REFUND_FINAL:
                self.rows[row] = None
        for worker in state.workers:
            if worker.place == "answered" and isinstance(worker.request, Request):
                row = state.refunds[worker.request.refund]
                self.recordings[Recording(row, worker.request, worker.answer)] = None


@pytest.fixture(scope="module")
def reached() -> Reached:
    reached = Reached()
    for left in (Left(), Left(pendings=1, strange=1, forgets=0, crashes=0)):
        model = Refunds(left, assumptions=Assumptions(requests_end=False), refunds_max=1)
        explore(model, "for conformance", visit=reached.look)
    return reached


@pytest.fixture(scope="module")
def engine(app_module_database_url: str) -> Iterator[Engine]:
    engine = make_engine(app_module_database_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def invoice(engine: Engine) -> Invoice:
    with Session(engine, expire_on_commit=False) as session, session.begin():
        return an_open_invoice(session, total_minor=AMOUNT_MINOR)


def test_the_model_decides_as_next_refund_step_does_in_every_state_it_can_reach(reached):
    for row in reached.rows:
        refund = mapping.refund_of(row, NOW)

        step = next_refund_step(refund, NOW, request_life_s=REQUEST_LIFE_S)

        assert mapping.step_named(step) == rows.decide(row), row
    assert len(reached.rows) > 15


def test_the_code_waits_for_quiet_before_a_list_exactly_where_the_model_does(reached):
    for row in reached.rows:
        if rows.decide(row) != "list" or row.status == "needs_review":
            continue
        refund = mapping.refund_of(row, NOW)
        assert refund.last_sent_at is not None
        refund.next_action_at = None
        soon = refund.last_sent_at + timedelta(seconds=2 * REQUEST_LIFE_S - 1)

        step = next_refund_step(refund, soon, request_life_s=REQUEST_LIFE_S)

        assert isinstance(step, Wait) == rows.needs_quiet(row), row


def test_the_intention_that_the_model_commits_is_the_one_that_the_services_commit(
    reached, engine, invoice
):
    for row in reached.rows:
        check_intention(engine, invoice, row)


def test_the_fact_that_the_model_records_is_the_one_that_the_services_record(
    reached, engine, invoice
):
    for recording in sample(reached.recordings):
        check_recording(engine, invoice, recording)


@pytest.mark.full
def test_model_and_services_agree_on_every_recording(reached, engine, invoice):
    for recording in reached.recordings:
        check_recording(engine, invoice, recording)


def sample(cases) -> list:
    known = list(cases)
    return random.Random(SEED).sample(known, min(SHORT_SAMPLE, len(known)))


def check_intention(engine: Engine, invoice: Invoice, row: Refund) -> None:
    op = rows.decide(row)
    with Session(engine, expire_on_commit=False) as session:
        payment, refund = mapping.payment_of(row, NOW, invoice), mapping.refund_of(row, NOW)
        put(session, payment, refund)
        if op == "park":
            refunding.park(refund, "key_expired", NOW)
        else:
            step = next_refund_step(refund, NOW, request_life_s=REQUEST_LIFE_S)
            assert not isinstance(step, Wait | Park)
            asked = refunding.begin(session, payment, refund, step, NOW, job_id=1, lease=1)
            assert asked.op is mapping.OPS[op]
        session.flush()
        expected = mapping.counted(rows.begin(row, op))
        # A key has an age from its first send on.
        assert mapping.row_of(refund, NOW) == expected, row


def check_recording(engine: Engine, invoice: Invoice, recording: Recording) -> None:
    row, request, answer = recording
    expected = mapping.counted(rows.record(row, request, answer))
    with Session(engine, expire_on_commit=False) as session:
        refund = mapping.refund_of(row, NOW)
        asked = mapping.request_row_of(row, request, NOW)
        put(session, mapping.payment_of(row, NOW, invoice), refund, asked)

        refund = refunding.apply_refund_observation(
            session, asked.id, mapping.observation_of(answer), now=NOW
        )

        assert mapping.row_of(refund, NOW) == expected, recording
