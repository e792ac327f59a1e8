"""Customers on pages: made, changed, archived; bad input is shown beside its field and kept."""

import re

import pytest

from tests.web.browser import Browser, field, words

ADA = {"name": "Ada Ltd", "email": "ada@example.com", "address": "1 Quay\nBristol"}


def made(owner: Browser, **changed: str) -> str:
    answer = owner.submit("/customers/new", ADA | changed)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def test_a_customer_is_made_and_listed(owner: Browser):
    path = made(owner)

    assert "Ada Ltd is saved." in words(owner.get(path))
    assert "ada@example.com" in words(owner.get("/customers?q=ada"))


def test_an_empty_list_says_what_to_do(owner: Browser):
    assert "No customers yet" in words(owner.get("/customers"))
    assert "No customer matches" in words(owner.get("/customers?q=nobody"))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("name", "", "Enter a name."),
        ("name", "x" * 500, "At most 200 characters; this has 500."),
        ("email", "not an address", "Enter one e-mail address like name@example.com."),
        ("name", "Ada\x00", "Control characters"),
    ],
)
def test_a_bad_field_is_named_and_what_was_typed_is_kept(
    owner: Browser, name: str, value: str, said: str
):
    answer = owner.submit("/customers/new", ADA | {name: value})

    assert answer.status_code == 422
    assert said in words(answer)
    assert 'role="alert"' in answer.text
    assert re.search(rf'id="f-{name}"[^>]*aria-invalid="true"', answer.text)
    assert "1 Quay\nBristol" in answer.text
    assert "No customers yet" in words(owner.get("/customers"))


def test_markup_in_every_field_is_only_text(owner: Browser):
    script = "<script>alert(1)</script>"

    path = made(owner, name=script, address=script, notes=script, tax_id=script)

    for page in (path, f"{path}/edit", "/customers", "/invoices/new"):
        answer = owner.get(page)
        assert script not in answer.text
        assert "&lt;script&gt;" in answer.text


def test_a_change_by_somebody_else_in_between_is_not_overwritten(owner: Browser):
    path = made(owner)
    version = field(owner.get(f"{path}/edit"), "version")
    owner.submit(f"{path}/edit", ADA | {"name": "Ada & Co", "version": version})

    answer = owner.submit(f"{path}/edit", ADA | {"name": "Mine", "version": version})

    assert answer.status_code == 409
    assert "Somebody changed this customer meanwhile" in words(answer)
    assert "Ada & Co" in words(owner.get(path))


def test_a_second_customer_with_the_address_is_a_warning_and_no_refusal(owner: Browser):
    made(owner)

    path = made(owner, name="Ada Two")

    assert "Another customer has the same email address" in words(owner.get(path))


def test_an_archived_customer_gets_no_new_invoice(owner: Browser):
    path = made(owner)
    assert "Archive Ada Ltd?" in words(owner.get(f"{path}/archive"))

    owner.submit(f"{path}/archive")

    assert "Archived" in words(owner.get(path))
    assert "Ada Ltd (" not in words(owner.get("/invoices/new"))
    assert "Ada Ltd" in words(owner.get("/customers?tab=archived"))
