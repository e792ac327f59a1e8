"""The moves in the code and the moves that the database accepts are the same table."""

from collections import defaultdict
from enum import StrEnum

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.exc import IntegrityError

from payments_app.domain import (
    attempt,
    dispute,
    email,
    gateway_request,
    inbound_event,
    invoice,
    outbound,
    payment,
    reconciliation,
)
from payments_app.domain import refund as refunds
from payments_app.domain.errors import InvalidTransition
from payments_app.domain.state_machine import Move, StateMachine
from payments_app.domain.transition import LegalMove

MACHINES = {
    module.MOVES.aggregate: module.MOVES
    for module in (
        *(attempt, dispute, email, gateway_request, inbound_event, invoice, payment),
        *(outbound, reconciliation, refunds),
    )
}
FIRST_STATES = {
    "payment_attempt": "sent",
    "dispute": "open",
    "email_delivery": "queued",
    "gateway_request": "sent",
    "inbound_event": "received",
    "invoice": "draft",
    "payment": "pending",
    "reconciliation_break": "open",
    "refund": "requested",
    "webhook_delivery": "pending",
}
every_machine = pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES.keys())


def test_the_database_accepts_exactly_the_moves_of_the_code(app_database_url):
    engine = create_engine(app_database_url)
    with engine.connect() as connection:
        rows = connection.execute(
            select(LegalMove.aggregate, LegalMove.from_state, LegalMove.to_state).where(
                ~LegalMove.retired
            )
        ).all()
    engine.dispose()

    accepted = defaultdict(set)
    for aggregate, before, after in rows:
        accepted[aggregate].add((before, after))

    assert dict(accepted) == {
        name: {*machine.pairs(), ("", FIRST_STATES[name])} for name, machine in MACHINES.items()
    }


def test_a_move_outside_the_table_is_refused_by_the_database_too(app_database_url):
    engine = create_engine(app_database_url)
    with engine.connect() as connection:
        connection.exec_driver_sql(
            "INSERT INTO email_deliveries (id, subject_id, kind, status, to_address, title, body,"
            " message_id, version) VALUES ('mail_1', 's', 'k', 'queued', 'a@b.c', 't', 'b', 'm', 1)"
        )
        with pytest.raises(IntegrityError, match="illegal move of email_delivery mail_1"):
            connection.exec_driver_sql("UPDATE email_deliveries SET status = 'sent'")
    engine.dispose()


@every_machine
def test_every_state_can_be_reached(machine):
    reached = {FIRST_STATES[machine.aggregate]}
    while grown := {to for before, to in machine.pairs() if before in reached} - reached:
        reached |= grown

    assert reached == {str(state) for state in machine.states}


@every_machine
def test_require_allows_what_the_table_lists_and_refuses_the_rest(machine):
    for event, move in machine.moves.items():
        for state in machine.states:
            assert machine.allows(event, state) == (state in move.sources)
            if state in move.sources:
                assert machine.require(event, state) is move.to
            else:
                with pytest.raises(InvalidTransition):
                    machine.require(event, state)


@pytest.mark.parametrize(
    ("machine", "state"),
    [
        (payment.MOVES, payment.PaymentStatus.COMPLETED),
        (attempt.MOVES, attempt.AttemptStatus.SUCCEEDED),
        (dispute.MOVES, dispute.DisputeStatus.WON),
        (dispute.MOVES, dispute.DisputeStatus.LOST),
        (refunds.MOVES, refunds.RefundStatus.FAILED),
        (gateway_request.MOVES, gateway_request.RequestStatus.ANSWERED),
        (email.MOVES, email.EmailStatus.SENT),
        (invoice.MOVES, invoice.InvoiceStatus.VOID),
    ],
)
def test_absorbing_states_have_no_way_out(machine, state):
    assert [pair for pair in machine.pairs() if pair[0] == state] == []


def test_a_payment_that_ended_can_only_turn_out_to_have_been_captured():
    ended = (payment.PaymentStatus.FAILED, payment.PaymentStatus.CANCELLED)

    assert [pair for pair in payment.MOVES.pairs() if pair[0] in ended] == [
        ("cancelled", "completed"),
        ("failed", "completed"),
    ]


def test_an_unknown_event_is_a_mistake_of_ours_and_not_a_refusal():
    class Light(StrEnum):
        RED = "red"
        GREEN = "green"

    machine = StateMachine("light", Light, {"go": Move(Light.RED, to=Light.GREEN)})

    with pytest.raises(KeyError):
        machine.require("stop", Light.RED)
