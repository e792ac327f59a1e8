"""``/_sim``: what it refuses, and what it promises about journal, clock, limits and export."""

import csv

import pytest
import requests

from tests.gateway.conftest import raw_intent

MALFORMED = [
    ({}, "rules"),
    ({"rules": "drop"}, "rules"),
    ({"rules": ["drop"]}, "rules[0]"),
    ({"rules": [{}]}, "rules[0].do"),
    ({"rules": [{"do": "explode"}]}, "rules[0].do"),
    ({"rules": [{"do": "drop"}, {"do": None}]}, "rules[1].do"),
    ({"rules": [{"do": "drop", "wen": "after"}]}, "rules[0].wen"),
    ({"rules": [{"do": "drop", "when": "during"}]}, "rules[0].when"),
    ({"rules": [{"do": "drop", "times": 0}]}, "rules[0].times"),
    ({"rules": [{"do": "drop", "times": "3"}]}, "rules[0].times"),
    ({"rules": [{"do": "drop", "probability": 1.1}]}, "rules[0].probability"),
    ({"rules": [{"do": "drop", "probability": True}]}, "rules[0].probability"),
    ({"rules": [{"do": "drop", "seed": -1}]}, "rules[0].seed"),
    ({"rules": [{"do": "html", "status": 999}]}, "rules[0].status"),
    ({"rules": [{"do": "late", "delay_s": -1}]}, "rules[0].delay_s"),
    ({"rules": [{"do": "late", "until": "never"}]}, "rules[0].until"),
    ({"rules": [{"do": "drop", "match": []}]}, "rules[0].match"),
    ({"rules": [{"do": "drop", "match": {"operation": "x"}}]}, "rules[0].match.operation"),
    ({"rules": [{"do": "drop", "match": {"op": "pay"}}]}, "rules[0].match.op"),
    ({"rules": [{"do": "drop", "match": {"op": [7]}}]}, "rules[0].match.op"),
    ({"rules": [{"do": "drop", "match": {"nth": 0}}]}, "rules[0].match.nth"),
    ({"rules": [{"do": "drop", "match": {"key_prefix": 7}}]}, "rules[0].match.key_prefix"),
    ({"rules": [{"do": "drop", "match": {"card": ""}}]}, "rules[0].match.card"),
]


@pytest.mark.parametrize(("body", "param"), MALFORMED)
def test_a_malformed_rule_is_refused_by_the_name_of_its_field(simulator, body, param):
    simulator.faults([{"match": {"op": "get_charge"}, "do": "503"}])

    answer = requests.post(f"{simulator.url}/_sim/faults", json=body, timeout=5)

    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert param in answer.json()["error"]["message"] or param == "rules"
    assert len(simulator.get("/_sim/faults")["rules"]) == 1, "the rules in force stay"


@pytest.mark.parametrize(
    ("what", "body", "param"),
    [
        ("clock", {}, "advance_s"),
        ("clock", {"advance_s": -1}, "advance_s"),
        ("clock", {"advance_s": "1"}, "advance_s"),
        ("clock", {"advance": 1}, "advance"),
        ("limits", {"rate_per_s": -1}, "rate_per_s"),
        ("webhooks", {"url": "ftp://x"}, "url"),
        ("webhooks", {"drop": 2}, "drop"),
        ("webhooks", {"early": "yes"}, "early"),
        ("webhooks", {"earlier": True}, "earlier"),
    ],
)
def test_other_handles_refuse_by_name_too(simulator, what, body, param):
    answer = requests.post(f"{simulator.url}/_sim/{what}", json=body, timeout=5)

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize("what", ["faults", "clock", "limits", "webhooks"])
def test_a_body_that_is_no_json_is_refused(simulator, what):
    answer = requests.post(f"{simulator.url}/_sim/{what}", data="{", timeout=5)

    assert answer.status_code == 400


def test_a_body_of_a_megabyte_is_refused(simulator):
    answer = requests.post(f"{simulator.url}/_sim/faults", data=b"x" * 2**20, timeout=5)

    assert answer.status_code == 413


def test_the_journal_has_the_agreed_fields(simulator):
    intent = raw_intent(simulator)
    simulator.post(f"/v1/payment_intents/{intent}/confirm", {"payment_method": "pm_card_visa"})
    simulator.post("/v1/refunds", {"payment_intent": intent, "metadata[refund]": "rfd_1"})

    journal = simulator.journal()

    (taken,) = journal["captures"]
    assert set(taken) == {"intent", "payment", "amount_minor", "currency", "at"}
    assert (taken["payment"], taken["amount_minor"], taken["currency"]) == ("pay_1", 1200, "EUR")
    (given_back,) = journal["refunds"]
    assert (given_back["refund"], given_back["payment"]) == ("rfd_1", "pay_1")
    assert set(journal["requests"][0]) == {
        *("at", "op", "method", "path", "key", "intent", "payment"),
        *("status", "executed", "replayed", "fault"),
    }


def test_a_capture_without_metadata_belongs_to_nobody(simulator):
    form = {"amount": 5, "currency": "eur", "payment_method": "pm_card_visa"}
    simulator.post("/v1/charges", form)

    (taken,) = simulator.captures()

    assert (taken["payment"], taken["intent"]) == (None, None)


def test_a_reset_is_a_new_gateway(simulator):
    simulator.post(
        "/v1/charges", {"amount": 5, "currency": "eur", "payment_method": "pm_card_visa"}
    )
    simulator.faults([{"do": "503"}])
    simulator.advance(1000)

    state = simulator.reset()

    assert (state["captures"], state["requests"], state["rules"]) == ([], [], [])
    assert simulator.get("/_sim/clock")["advanced_s"] == 0


def test_the_clock_only_moves_forward_and_adds_up(simulator):
    simulator.advance(100)

    assert simulator.advance(50)["advanced_s"] == 150


def test_more_requests_than_the_bucket_holds_get_429(simulator):
    simulator.control("limits", rate_per_s=0.001, burst=3)

    form = {"amount": 5, "currency": "eur"}
    answers = [simulator.post("/v1/payment_intents", form) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[-1].json()["error"]["code"] == "rate_limit"
    assert answers[-1].headers["Retry-After"] == "1"


def test_the_export_adds_up_to_what_was_kept(simulator):
    for payment in ("pay_1", "pay_2"):
        intent = raw_intent(simulator, payment)
        simulator.post(f"/v1/payment_intents/{intent}/confirm", {"payment_method": "pm_card_visa"})
    simulator.post("/v1/refunds", {"payment_intent": intent, "amount": 200})

    export = simulator.get("/_sim/export")

    assert [line["amount_minor"] for line in export["charges"]] == [1200, 1200]
    assert [line["net_minor"] for line in export["refunds"]] == [-200]
    assert export["net_minor"] == {"EUR": 2200}
    assert {line["fee_minor"] for line in export["charges"]} == {0}


def test_the_export_says_the_same_as_csv(simulator):
    intent = raw_intent(simulator)
    simulator.post(f"/v1/payment_intents/{intent}/confirm", {"payment_method": "pm_card_visa"})

    text = requests.get(f"{simulator.url}/_sim/export?format=csv", timeout=5).text

    (row,) = csv.DictReader(text.splitlines())
    (line,) = simulator.get("/_sim/export")["charges"]
    assert row == {name: "" if value is None else str(value) for name, value in line.items()}


@pytest.mark.parametrize("authorization", [None, "Bearer ", "Bearer pk_live_1", "Basic c2s6", "x"])
def test_a_request_without_a_good_key_is_refused(simulator, authorization):
    headers = {} if authorization is None else {"Authorization": authorization}

    answer = requests.get(f"{simulator.url}/v1/charges", headers=headers, timeout=5)

    assert answer.status_code == 401


def test_basic_authentication_carries_the_key_as_its_user(simulator):
    answer = requests.get(f"{simulator.url}/v1/charges", auth=("sk_test_x", ""), timeout=5)

    assert answer.status_code == 200


def test_events_are_listed_newest_first(simulator):
    intent = raw_intent(simulator)
    simulator.post(f"/v1/payment_intents/{intent}/confirm", {"payment_method": "pm_card_visa"})

    events = requests.get(
        f"{simulator.url}/v1/events", auth=(simulator.api_key, ""), timeout=5
    ).json()["data"]

    assert [event["type"] for event in events] == [
        "payment_intent.succeeded",
        "payment_intent.created",
    ]
    assert events[0]["data"]["object"]["id"] == intent
