"""Two workers on one payment, in every order of their checkpoints with at most two preemptions.

B steals A's lease in its first step, so that each order is also a zombie that wakes up somewhere.
The same orders are played without any lease at all: the lease saves work, it is not what makes the
protocol safe. Naive and classroom must fail here.

A failing order is printed as a string; ``play`` repeats it.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, fields

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session, sessionmaker

from payments_app import clock
from payments_app.db import make_engine
from payments_app.domain.payment import PaymentStatus
from payments_app.gateway.stripe_adapter import StripeGateway
from payments_app.jobs import ProcessPayment
from payments_app.lab import processors
from payments_app.services import payments
from queue_core import Job, LeaseLost, Worker
from queue_core.job import sessions_of
from tests.support import databases, performing
from tests.support.business import a_payment
from tests.support.interleaving import Code, play, schedules
from tests.support.simulator import Simulator
from workers.payment_processor import PaymentProcessor

SEED = 20261123
SHORT = 14
# Of a whole run: six checkpoints for the intent, six for the charge, and three of the queue's.
POINTS = 15
ALL = schedules(POINTS)
SAMPLE = random.Random(SEED).sample(ALL, SHORT)
HEIRS_MAX = 5


class Leaseless(Job[ProcessPayment]):
    """A job that believes every lease."""

    __slots__ = ()

    def holds_lease(self, session) -> bool:
        """Nobody is turned away."""
        return True


@dataclass
class World:
    """One database and one gateway; every order gets a payment of its own."""

    url: str
    engine: Engine
    simulator: Simulator
    leases: bool = True
    longest: int = 0  # checkpoints that one run passed

    @property
    def sessions(self) -> sessionmaker[Session]:
        return sessionmaker(self.engine, expire_on_commit=False)

    def processor(self, name: str) -> Worker[ProcessPayment]:
        where = (self.simulator.url, self.simulator.api_key)
        if name == "idempotent":
            return PaymentProcessor(StripeGateway(*where, read_timeout_s=10))
        return processors.build(name, processors.OneStepGateway(*where, read_timeout_s=10))

    def play(self, name: str, schedule: str) -> str:
        """Both to their ends, then whatever heirs it takes. What is wrong, or nothing."""
        with self.sessions.begin() as session:
            session.execute(text("DELETE FROM queue.jobs"))
            payment_id = a_payment(session, now=clock.now(session)).id
        job = performing.claim(self.engine, ProcessPayment)
        worker = self.processor(name)

        def thief(engine: Engine) -> None:
            try:
                stolen = performing.take_over(engine, job) if self.leases else job
            except NoResultFound:
                return  # A has ended it: there is nothing to steal.
            worker.perform(self._as_seen(stolen, engine))

        codes: dict[str, Code] = {
            "A": lambda engine: worker.perform(self._as_seen(job, engine)),
            "B": thief,
        }
        runs = play(self.url, self.engine, schedule, codes)
        self.longest = max(self.longest, *(len(run.trace) for run in runs.values()))
        unexpected = [
            f"{run.letter}: {run.error!r}"
            for run in runs.values()
            if run.error is not None and not isinstance(run.error, LeaseLost)
        ]
        if name == "idempotent":
            self._let_heirs_finish(worker, job, payment_id)
        return "; ".join([*unexpected, *self._wrong(payment_id)])

    def _as_seen(self, job: Job[ProcessPayment], engine: Engine) -> Job[ProcessPayment]:
        """The job on a connection of that run's own."""
        values = {each.name: getattr(job, each.name) for each in fields(Job)}
        kind = Job if self.leases else Leaseless
        return kind(**(values | {"_sessions": sessions_of(engine)}))

    def _let_heirs_finish(self, worker, job, payment_id: str) -> None:
        for _ in range(HEIRS_MAX):
            with self.sessions.begin() as session:
                if payments.get(session, payment_id).is_final:
                    return
                session.execute(text("UPDATE payments SET next_action_at = now()"))
            worker.perform(performing.take_over(self.engine, job))

    def _wrong(self, payment_id: str) -> Iterator[str]:
        captures = len(self.simulator.captures(payment_id))
        if captures != 1:
            yield f"captured {captures} times"
        with self.sessions() as session:
            status = payments.get(session, payment_id).status
            posted = session.scalar(
                text("SELECT count(*) FROM ledger_postings WHERE source_id = :id"),
                {"id": payment_id},
            )
        if status is not PaymentStatus.COMPLETED:
            yield f"recorded {status}"
        if posted != 1:
            yield f"posted {posted} times"


@pytest.fixture(scope="module")
def world(
    admin_url: str, app_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("gateway")
    with databases.database(admin_url, template=app_template) as url, Simulator(folder) as running:
        engine = make_engine(url, application_name="interleaving")
        yield World(url, engine, running)
        engine.dispose()


@pytest.fixture(params=[True, False], ids=["stolen-lease", "no-lease"])
def either_world(world: World, request: pytest.FixtureRequest) -> World:
    return World(world.url, world.engine, world.simulator, leases=request.param)


@pytest.mark.parametrize("schedule", SAMPLE)
def test_two_workers_capture_once_in_a_sampled_order(either_world, schedule):
    assert either_world.play("idempotent", schedule) == ""


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_two_workers_capture_once_in_every_order_with_two_preemptions(either_world):
    failures = {
        schedule: wrong for schedule in ALL if (wrong := either_world.play("idempotent", schedule))
    }

    assert failures == {}


def test_the_orders_reach_the_end_of_a_run(world):
    world.play("idempotent", "")

    assert 2 * 6 <= world.longest <= POINTS


@pytest.mark.parametrize(
    ("processor", "schedule"),
    [
        # Both look before either marks; then A charges, and so does B.
        ("classroom", "ABB"),
        # B runs after A has charged: nothing was saved, so nothing stops it.
        ("naive", "AA" + "B" * POINTS),
    ],
)
def test_a_weaker_protocol_charges_twice_in_this_order(world, processor, schedule):
    wrong = world.play(processor, schedule)

    assert "captured 2 times" in wrong, f"{processor} passed: this order proves nothing any more"


@pytest.mark.full
@pytest.mark.parametrize("processor", ["naive", "classroom"])
def test_the_search_finds_a_weaker_protocols_shortest_failing_order(world, processor):
    first = next(each for each in schedules(6) if world.play(processor, each))

    assert world.play(processor, first), f"{first!r} cannot be repeated"


def test_the_same_order_is_the_same_run(world):
    assert world.play("classroom", "ABB") == world.play("classroom", "ABB")
