"""Every kind of bad input gets a message that names the field and says what would be right.

Nothing is half written: each case ends with the same rows as before (see conftest).
"""

import io
import json

import pytest

from tests.api.support import CARD, Api, fields, new_key, refusal

LONG = "x" * 500
SCRIPT = "<script>alert(1)</script>"


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("name", LONG, "At most 200 characters; this has 500"),
        ("name", "", "Enter a name"),
        ("name", "   ", "Enter a name"),
        ("name", None, "cannot be null"),
        ("name", 5, "Write text in quotes, not a number"),
        ("name", ["Ada"], "not a list"),
        ("name", "Ada\x00", "NUL"),
        ("name", "Ada\ud800", "surrogates"),
        ("name", "Ada\nBcc: eve@example.com", "one line"),
        ("email", "nobody", "name@example.com"),
        ("email", "a@b@c.example", "name@example.com"),
        ("email", "Ada <ada@example.com>", "name@example.com"),
        ("email", f"{LONG}@example.com", "At most 254 characters"),
        ("email", SCRIPT, "name@example.com"),
        ("notes", "n" * 501, "At most 500 characters"),
    ],
)
def test_a_wrong_customer_field_is_named(api: Api, field, value, says):
    body = {"name": "Ada", "email": "ada@example.com", field: value}

    problem = refusal(api.post("/customers", body), 422, "invalid")

    assert fields(problem) == [field]
    assert says in problem["errors"][0]["message"]


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("quantity", "0", "more than 0"),
        ("quantity", "-1", "more than 0"),
        ("quantity", 1.5, 'Write it as a string, like "1.5"'),
        ("quantity", True, "not true or false"),
        ("quantity", None, "cannot be null"),
        ("quantity", "many", "digits"),
        ("quantity", "1,5", "digits"),
        ("quantity", "1e3", "digits"),
        ("quantity", "NaN", "digits"),
        ("quantity", "1_000", "digits"),
        ("quantity", "١٢", "digits"),
        ("quantity", "1.2345", "At most 3 decimals"),
        ("quantity", "9" * 40, "15 digits"),
        ("quantity", 10**400, "15 digits"),
        ("tax_rate", "100.01", "from 0 to 100"),
        ("tax_rate", 101, "from 0 to 100"),
        ("tax_rate", "-1", "from 0 to 100"),
        ("tax_rate", 19.0, "Write it as a string"),
        ("unit_amount_minor", 1.5, "minor units"),
        ("unit_amount_minor", 1.0, "minor units"),
        ("unit_amount_minor", "100", "not text"),
        ("unit_amount_minor", True, "not true or false"),
        ("unit_amount_minor", -1, "from 0"),
        ("unit_amount_minor", 10**18, "999999999999"),
        ("unit_amount_minor", 10**400, "999999999999"),
        ("description", "", "Enter a description"),
        ("description", "x" * 501, "At most 500 characters; this has 501"),
        ("description", "a\x00b", "NUL"),
    ],
)
def test_a_wrong_field_of_a_line_is_named_with_its_line(api: Api, customer, field, value, says):
    body = api.an_invoice(customer)
    body["lines"].append({**body["lines"][0], field: value})

    answer = api.post("/invoices", body)

    assert answer.status_code == 422
    problem = refusal(answer, 422, answer.json["code"])
    assert fields(problem) == [f"lines.1.{field}"]
    assert says in problem["errors"][0]["message"]


def test_yen_have_no_decimals_and_one_fifty_is_no_price(api: Api, customer):
    body = api.an_invoice(customer, currency="JPY")
    body["lines"][0]["unit_amount_minor"] = 1.50

    problem = refusal(api.post("/invoices", body), 422, "invalid")

    assert fields(problem) == ["lines.0.unit_amount_minor"]
    assert "1050 yen in JPY" in problem["detail"]


@pytest.mark.parametrize("currency", ["XYZ", "EU", "eur", "", "ZZZZ", "€", 978, None])
def test_an_unknown_currency_is_named(api: Api, customer, currency):
    answer = api.post("/invoices", api.an_invoice(customer, currency=currency))

    assert answer.status_code == 422
    assert fields(answer.json) == ["currency"]


@pytest.mark.parametrize("lines", [[], {}, "one", None, [5], [[]], ["x"]])
def test_lines_that_are_none_are_named(api: Api, customer, lines):
    answer = api.post("/invoices", api.an_invoice(customer, lines=lines))

    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"].startswith("lines")


def test_more_lines_than_an_invoice_holds_are_refused(api: Api, customer):
    body = api.an_invoice(customer)
    body["lines"] *= 101

    problem = refusal(api.post("/invoices", body), 422, "invalid")

    assert fields(problem) == ["lines"]
    assert "At most 100" in problem["detail"]


@pytest.mark.parametrize("due_date", ["30.11.2026", "2026-13-01", 20261130, "2026-11-30T00:00:00Z"])
def test_a_wrong_date_is_named(api: Api, customer, due_date):
    problem = refusal(
        api.post("/invoices", api.an_invoice(customer, due_date=due_date)), 422, "invalid"
    )

    assert fields(problem) == ["due_date"]
    assert "2026-11-30" in problem["detail"]


@pytest.mark.parametrize("customer_id", ["", "x", "cus_\x00", "inv_" + "0" * 32, "cus_" + "0" * 32])
def test_a_wrong_customer_of_an_invoice_is_named(api: Api, customer_id):
    answer = api.post("/invoices", api.an_invoice({"id": customer_id}))

    assert answer.status_code == 422
    assert fields(answer.json) == ["customer_id"]


def test_every_missing_field_is_named_at_once(api: Api):
    assert fields(api.post("/invoices", {}).json) == ["customer_id", "currency", "lines"]
    assert fields(api.post("/customers").json) == ["name", "email"]


def test_unknown_fields_are_named_with_those_that_are_known(api: Api, invoice):
    answer = api.pay(invoice, amount_minr=100)

    problem = refusal(answer, 422, "invalid")
    assert fields(problem) == ["amount_minr"]
    assert "Known are: amount_minor, payment_method" in problem["detail"]


def test_an_unknown_field_of_any_name_is_refused_shortly(api: Api):
    name = "\ud800\x00" + "n" * 100_000
    body = {"name": "A", "email": "a@example.com", name: 1}

    problem = refusal(api.post("/customers", body), 422, "invalid")

    assert len(problem["errors"][0]["field"]) < 100


def test_an_unknown_filter_is_refused_and_not_ignored(api: Api):
    for query in ("statsu=paid", "limit=0", "limit=101", "limit=1.5", "cursor=x", "status=open"):
        problem = refusal(api.get(f"/payments?{query}"), 422, "invalid")
        assert fields(problem) == [query.partition("=")[0]], query


@pytest.mark.parametrize(
    "card", ["", "4242424242424242", "pm_", "pm_ü", "pm_" + "x" * 500, "pm_a b", SCRIPT, 42, None]
)
def test_a_card_that_is_none_is_named(api: Api, invoice, card):
    answer = api.pay(invoice, payment_method=card)

    assert answer.status_code == 422
    assert fields(answer.json) == ["payment_method"]


@pytest.mark.parametrize("amount", [0, -1, 1.5, "100", True, 10**18, [], {}])
def test_an_amount_that_is_none_is_named(api: Api, invoice, amount):
    problem = refusal(api.pay(invoice, amount_minor=amount), 422, "invalid")

    assert fields(problem) == ["amount_minor"]


@pytest.mark.parametrize("amount", [0, -1, 1.5, "100", None, False])
def test_a_refund_of_an_amount_that_is_none_is_named(api: Api, completed, amount):
    problem = refusal(api.refund(completed, amount), 422, "invalid")

    assert fields(problem) == ["amount_minor"]


@pytest.mark.parametrize("reason", ["", " ", "r" * 201, 5, "a\x00"])
def test_a_refund_for_a_reason_that_is_none_is_named(api: Api, completed, reason):
    answer = api.refund(completed, 100, reason=reason)

    assert answer.status_code == 422
    assert fields(answer.json) == ["reason"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("{", "line 1, column 2"),
        ('{"name": "a", }', "cannot be read as JSON"),
        ("{'name': 'a'}", "cannot be read as JSON"),
        (b'{"name": "\xff"}', "UTF-8"),
        ('{"name": NaN}', "NaN is no JSON number"),
        ('{"name": -Infinity}', "no JSON number"),
        ('{"name": "a", "name": "b"}', "'name' is there twice"),
        ("[" * 100_000, "nested too deeply"),
        ('{"name": ' + "1" * 5000 + "}", "limit"),
    ],
)
def test_a_body_that_is_no_json_is_explained(api: Api, body, says):
    answer = api.send("POST", "/customers", data=body, content_type="application/json")

    assert says in refusal(answer, 400, "malformed_json")["detail"]


@pytest.mark.parametrize("body", ["[]", "null", '"text"', "5", "true"])
def test_a_body_that_is_no_object_is_explained(api: Api, body):
    answer = api.send("POST", "/customers", data=body, content_type="application/json")

    assert "one JSON object" in refusal(answer, 422, "invalid")["detail"]


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""]
)
def test_a_body_of_another_type_is_told_the_right_one(api: Api, content_type):
    body = json.dumps({"name": "A", "email": "a@example.com"})

    answer = api.send("POST", "/customers", data=body, content_type=content_type)

    problem = refusal(answer, 415, "unsupported_media_type")
    assert "Content-Type: application/json" in problem["detail"]
    assert answer.headers["Accept-Post"] == "application/json"


def test_a_body_over_256_kb_is_refused(api: Api):
    answer = api.post("/customers", {"name": "A", "email": "a@example.com", "notes": "n" * 262_144})

    assert "256 kB" in refusal(answer, 413, "body_too_large")["detail"]


def test_of_a_chunked_body_over_256_kb_no_half_is_taken(api: Api):
    whole = io.BytesIO(b'{"name": "A", "email": "a@example.com"}' + b" " * 1_000_000 + b"!")

    answer = api.send(
        "POST",
        "/customers",
        input_stream=whole,
        content_type="application/json",
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )

    refusal(answer, 413, "body_too_large")
    # Read to its end, so that the next request on this connection is found.
    assert whole.read() == b""


def test_a_body_of_exactly_256_kb_is_read(api: Api):
    padded = b'{"name": ""}'.ljust(262_144)

    answer = api.send("POST", "/customers", data=padded, content_type="application/json")

    assert fields(refusal(answer, 422, "invalid")) == ["email"]


@pytest.mark.parametrize(
    ("verb", "says"), [("finalize", "takes none"), ("cancel", "Known are: refund_if_captured")]
)
def test_a_field_that_nobody_reads_is_refused_and_not_ignored(
    api: Api, invoice, completed, verb, says
):
    paths = {
        "finalize": f"/invoices/{invoice['id']}/finalize",
        "cancel": f"/payments/{completed['id']}/cancel",
    }

    problem = refusal(api.post(paths[verb], {"reason": "typo"}), 422, "invalid")

    assert fields(problem) == ["reason"]
    assert says in problem["detail"]


@pytest.mark.parametrize("what", ["%00", "x", "pay_%00", "..%2f..", "%ff", "pay_" + "G" * 32, "é"])
@pytest.mark.parametrize("verb", ["", "/cancel"])
def test_an_id_of_any_form_is_answered_as_not_found(api: Api, what, verb):
    method = "POST" if verb else "GET"

    refusal(api.send(method, f"/payments/{what}{verb}"), 404, "not_found")


def test_a_key_is_missing_or_reused(api: Api, invoice):
    path = f"/invoices/{invoice['id']}/payments"
    refusal(api.post(path, {"payment_method": CARD}), 400, "idempotency_key_missing")
    key = new_key()
    refusal(api.pay(invoice, key=key, amount_minor=10**9), 422, "invalid_amount")
    refusal(api.pay(invoice, key=key, amount_minor=10**9 + 1), 422, "idempotency_key_reused")
