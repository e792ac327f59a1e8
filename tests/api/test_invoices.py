"""Invoices over HTTP, from draft to number."""

import re

import pytest

from payments_app.services import invoices
from tests.api.support import Api, fields, refusal


def test_a_draft_has_the_figures_that_its_lines_ask_for(api: Api, customer):
    made = api.post("/invoices", api.an_invoice(customer))

    assert made.status_code == 201
    assert made.headers["Location"] == f"/api/v1/invoices/{made.json['id']}"
    shown = {name: made.json[name] for name in ("status", "number", "total_minor", "due_minor")}
    assert shown == {"status": "draft", "number": None, "total_minor": 11900, "due_minor": 0}
    assert made.json["subtotal_minor"] == 10000
    assert made.json["tax_minor"] == 1900
    assert made.json["currency"] == "EUR"
    assert api.get(f"/invoices/{made.json['id']}").json == made.json


def test_quantity_and_rate_are_exact_decimals_and_integers_are_taken_too(api: Api, customer):
    lines = [
        {"description": "a", "quantity": "1.125", "unit_amount_minor": 1000, "tax_rate": "7.5"},
        {"description": "b", "quantity": 3, "unit_amount_minor": 1, "tax_rate": 0},
    ]

    made = api.post("/invoices", api.an_invoice(customer, lines=lines)).json

    assert [(line["quantity"], line["tax_rate"]) for line in made["lines"]] == [
        ("1.125", "7.5"),
        ("3", "0"),
    ]
    assert made["total_minor"] == 1125 + 3 + 84


def test_finalizing_is_accepted_and_a_job_gives_the_number(api: Api, draft, change):
    asked = api.post(f"/invoices/{draft['id']}/finalize")
    change(lambda session, now: invoices.finalize(session, draft["id"], now=now))

    assert asked.status_code == 202
    assert asked.json["status"] == "draft"
    opened = api.get(f"/invoices/{draft['id']}").json
    assert opened["status"] == "open"
    assert opened["number"]
    assert opened["due_minor"] == opened["total_minor"] == 11900
    assert asked.json["hosted_url"] is None
    assert re.fullmatch(r"http://127\.0\.0\.1:8000/i/[0-9a-f]{64}", opened["hosted_url"])


def test_an_invoice_over_nothing_is_refused_at_once(api: Api, customer):
    free = {"description": "Gift", "quantity": "1", "unit_amount_minor": 0, "tax_rate": "19"}

    problem = refusal(
        api.post("/invoices", api.an_invoice(customer, lines=[free])), 422, "invalid_amount"
    )

    assert fields(problem) == ["lines"]
    assert "The total is zero" in problem["detail"]


def test_finalizing_twice_is_once(api: Api, invoice):
    again = api.post(f"/invoices/{invoice['id']}/finalize")

    assert again.status_code == 202
    assert again.json["number"] == invoice["number"]


def test_a_changed_draft_keeps_what_was_not_mentioned(api: Api, draft):
    path = f"/invoices/{draft['id']}"
    seen = api.get(path).headers["ETag"]

    changed = api.patch(path, {"memo": "Thank you"}, headers={"If-Match": seen})

    assert changed.status_code == 200
    assert changed.json["memo"] == "Thank you"
    assert changed.json["total_minor"] == draft["total_minor"]
    assert [line["description"] for line in changed.json["lines"]] == ["Consulting"]
    refusal(api.patch(path, {"memo": "x"}, headers={"If-Match": seen}), 412, "version_conflict")


def test_where_halves_go_is_chosen_shown_kept_and_changed(api: Api, customer):
    half = {"description": "a", "quantity": "2.5", "unit_amount_minor": 1, "tax_rate": "0"}
    asked = api.an_invoice(customer, lines=[half])
    assert api.post("/invoices", asked).json["rounding"] == "half_up"

    made = api.post("/invoices", {**asked, "rounding": "half_even"}).json
    kept = api.patch(f"/invoices/{made['id']}", {"memo": "hi"}, headers={"If-Match": "*"}).json
    changed = api.patch(
        f"/invoices/{made['id']}", {"rounding": "half_up"}, headers={"If-Match": "*"}
    ).json

    assert [(each["rounding"], each["total_minor"]) for each in (made, kept, changed)] == [
        ("half_even", 2),
        ("half_even", 2),
        ("half_up", 3),
    ]


@pytest.mark.parametrize("rounding", ["up", "HALF_UP", "ROUND_HALF_UP", "", None, 1])
def test_a_rounding_that_is_none_is_named(api: Api, customer, rounding):
    refused = api.post("/invoices", api.an_invoice(customer, rounding=rounding))

    assert fields(refusal(refused, 422, "invalid")) == ["rounding"]


def test_new_lines_replace_all_lines(api: Api, draft):
    path = f"/invoices/{draft['id']}"
    line = {"description": "One", "quantity": "1", "unit_amount_minor": 1, "tax_rate": "0"}

    changed = api.patch(path, {"lines": [line]}, headers={"If-Match": "*"})

    assert changed.json["total_minor"] == 1
    assert len(changed.json["lines"]) == 1


def test_an_open_invoice_cannot_be_changed_or_deleted(api: Api, invoice):
    path = f"/invoices/{invoice['id']}"

    refusal(api.patch(path, {"memo": "x"}, headers={"If-Match": "*"}), 409, "invalid_transition")
    refusal(api.send("DELETE", path), 409, "invalid_transition")
    assert api.get(path).json == invoice


def test_a_draft_can_be_thrown_away(api: Api, draft):
    path = f"/invoices/{draft['id']}"

    gone = api.send("DELETE", path)

    assert (gone.status_code, gone.data) == (204, b"")
    refusal(api.get(path), 404, "not_found")


def test_a_draft_that_somebody_changed_is_not_thrown_away(api: Api, draft):
    path = f"/invoices/{draft['id']}"
    seen = api.get(path).headers["ETag"]
    api.patch(path, {"memo": "wait"}, headers={"If-Match": seen})

    refusal(api.send("DELETE", path, headers={"If-Match": seen}), 412, "version_conflict")
    assert api.get(path).json["memo"] == "wait"


def test_an_invoice_is_voided_with_a_reason(api: Api, invoice):
    path = f"/invoices/{invoice['id']}/void"

    assert fields(refusal(api.post(path, {}), 422, "invalid")) == ["reason"]
    voided = api.post(path, {"reason": "wrong customer"})

    assert voided.json["status"] == "void"
    assert voided.json["due_minor"] == 0


def test_an_invoice_is_given_up_with_a_reason(api: Api, invoice):
    given_up = api.post(f"/invoices/{invoice['id']}/give-up", {"reason": "bankrupt"})

    assert given_up.json["status"] == "uncollectible"


def test_invoices_are_listed_by_status_and_customer(api: Api, invoice, customer):
    other = api.post("/invoices", api.an_invoice(customer)).json

    drafts = api.get(f"/invoices?status=draft&customer_id={customer['id']}").json["data"]

    assert [row["id"] for row in drafts] == [other["id"]]


def test_an_unknown_customer_is_named_as_the_wrong_field(api: Api):
    stranger = {"id": "cus_" + "0" * 32}

    problem = refusal(api.post("/invoices", api.an_invoice(stranger)), 422, "invalid")

    assert fields(problem) == ["customer_id"]
