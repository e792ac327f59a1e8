"""What people write is stored and answered as it was written; nothing in it is ever executed."""

import pytest

from tests.api.support import Api

TEXTS = [
    "<script>alert(1)</script>",
    "'; DROP TABLE customers; --",
    "{{ 7 * 7 }}",
    "%s %(name)s {0}",
    "Zoë Ångström, 日本語, 👩\u200d🚀, שלום",
    "a\\b\"c'd",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_comes_back_as_it_was_written(api: Api, text):
    asked = {"name": text, "email": "a@example.com", "address": text, "tax_id": "1", "notes": text}

    made = api.post("/customers", asked)

    assert made.status_code == 201
    assert {name: made.json[name] for name in asked} == asked
    assert made.content_type == "application/json"
    assert made.headers.get("X-Content-Type-Options", "nosniff") == "nosniff"
    invoice = api.an_invoice(made.json, memo=text)
    invoice["lines"][0]["description"] = text
    shown = api.post("/invoices", invoice).json
    assert (shown["memo"], shown["lines"][0]["description"]) == (text, text)


def test_a_name_of_the_longest_length_is_taken(api: Api):
    made = api.post("/customers", {"name": "é" * 200, "email": "a@example.com"})

    assert made.json["name"] == "é" * 200
