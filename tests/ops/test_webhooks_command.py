"""``flask webhooks``: what came from the gateway, and handling it again."""

from payments_app.domain.inbound_event import EventStatus, InboundEvent
from payments_app.services import inbound
from queue_core.testing import assert_enqueued


def an_event(id: str, type: str = "payment_intent.succeeded"):
    return {"id": id, "type": type, "data": {"object": {"id": "pi_nobody"}}}


def parked(sessions, *ids: str) -> None:
    for id in ids:
        with sessions.begin() as session:
            inbound.receive(session, an_event(id))
        with sessions.begin() as session:
            event = session.get_one(InboundEvent, (inbound.PROVIDER, id))
            event.move("park")


def test_a_list_without_events_says_so(flask_cli):
    assert "No events." in flask_cli("webhooks", "list").output
    assert flask_cli("webhooks", "list", "--json").json == []


def test_events_are_listed_by_status_and_shown_with_their_body(flask_cli, sessions):
    parked(sessions, "evt_1")
    with sessions.begin() as session:
        inbound.receive(session, an_event("evt_2"))

    listed = flask_cli("webhooks", "list", "--status", "parked", "--json").json
    shown = flask_cli("webhooks", "show", "evt_1", "--json").json

    assert [(each["id"], each["status"]) for each in listed] == [("evt_1", "parked")]
    assert shown["payload"] == an_event("evt_1")
    assert "evt_1" in flask_cli("webhooks", "show", "evt_1").output


def test_a_replayed_event_is_handled_again_by_a_job(flask_cli, sessions, engine):
    parked(sessions, "evt_1")

    ran = flask_cli("webhooks", "replay", "evt_1")

    assert "evt_1 will be handled again." in ran.output
    with sessions() as session:
        event = session.get_one(InboundEvent, (inbound.PROVIDER, "evt_1"))
        assert event.status is EventStatus.RECEIVED
    assert_enqueued(engine, "handle_gateway_event", args={"event_id": "evt_1"})


def test_an_unknown_event_is_said_and_nothing_of_the_call_is_done(flask_cli, sessions):
    parked(sessions, "evt_1")

    ran = flask_cli("webhooks", "replay", "evt_1", "evt_none")

    assert ran.exit_code == 1
    assert "evt_none" in ran.errors
    with sessions() as session:
        event = session.get_one(InboundEvent, (inbound.PROVIDER, "evt_1"))
        assert event.status is EventStatus.PARKED
    assert flask_cli("webhooks", "show", "evt_none").exit_code == 1
