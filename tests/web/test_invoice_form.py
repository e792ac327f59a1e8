"""Writing an invoice: lines by buttons, totals by the server, mistakes line by line."""

from typing import Any

import pytest

from tests.web.browser import Browser, Fields, words

CUSTOMER = {"name": "Ada Ltd", "email": "ada@example.com"}


@pytest.fixture
def form(owner: Browser) -> dict[str, str | list[str]]:
    customer = owner.submit("/customers/new", CUSTOMER).headers["Location"].rpartition("/")[2]
    return {
        "customer_id": customer,
        "currency": "USD",
        "due_date": "",
        "memo": "",
        "description": ["Design", "Hosting"],
        "quantity": ["2", "1.5"],
        "unit_price": ["1,000.00", "19.99"],
        "tax_rate": ["19", "7"],
        "do": "save",
    }


def post(owner: Browser, form: Fields, path: str = "/invoices/new", **changed: Any):
    return owner.submit(path, {**form, **changed})


def test_a_draft_is_saved_with_totals_computed_by_the_server(owner: Browser, form):
    answer = post(owner, form)

    page = words(owner.get(answer.headers["Location"]))
    assert answer.status_code == 303
    assert "assigned when sent" in page
    assert "Subtotal $2,029.99" in page
    assert "Tax 7 % $2.10 Tax 19 % $380.00" in page
    assert "Total $2,412.09" in page


def test_where_halves_go_is_chosen_previewed_saved_and_shown_again(owner: Browser, form):
    halves: dict[str, Any] = {
        "quantity": ["1", "1"],
        "unit_price": ["0.50", "0.50"],
        "tax_rate": ["2.5", "2.5"],
    }
    even = {**halves, "rounding": "half_even"}
    assert "Tax 2.5 % $0.03" in words(post(owner, form, "/invoices/preview", **halves))
    assert "Tax 2.5 % $0.02" in words(post(owner, form, "/invoices/preview", **even))

    saved = post(owner, form, **even).headers["Location"]

    assert "Total $1.02" in words(owner.get(saved))
    assert "Rounding Halves are rounded to even" in words(owner.get(saved))
    as_usual = post(owner, form, **halves).headers["Location"]
    assert "Halves" not in words(owner.get(as_usual))
    assert '<option value="half_even" selected>' in owner.get(f"{saved}/edit").text


def test_save_and_send_goes_on_to_the_confirmation(owner: Browser, form):
    answer = post(owner, form, do="send")

    assert answer.headers["Location"].endswith("/send")
    assert "Send this invoice?" in words(owner.get(answer.headers["Location"]))


@pytest.mark.parametrize(
    ("button", "descriptions"),
    [
        ("add", ["Design", "Hosting", ""]),
        ("remove-0", ["Hosting"]),
        ("down-0", ["Hosting", "Design"]),
        ("up-1", ["Hosting", "Design"]),
        ("up-0", ["Design", "Hosting"]),
        ("remove-9", ["Design", "Hosting"]),
    ],
)
def test_lines_are_rearranged_without_script_and_nothing_is_saved(
    owner: Browser, form, button: str, descriptions: list[str]
):
    answer = post(owner, form, do=button)

    shown = [part.split('value="')[1].split('"')[0] for part in _inputs(answer.text, "description")]
    assert answer.status_code == 200
    assert shown == descriptions
    assert "No invoices yet" in words(owner.get("/invoices"))


def test_the_preview_says_what_each_line_comes_to(owner: Browser, form):
    answer = post(owner, form, "/invoices/preview")

    assert "Total $2,412.09" in words(answer)
    assert 'id="amount-1" hx-swap-oob="true"' in answer.text
    assert "$29.99" in answer.text


def test_the_preview_says_what_saving_would_refuse(owner: Browser, form):
    """KWD 5.376 cannot be charged, and whoever types it should not find out by saving."""
    lines: dict[str, Any] = {"quantity": ["1", "1"], "tax_rate": ["0", "0"]}
    typed = {**lines, "currency": "KWD", "unit_price": ["1.376", "4"]}
    sentence = (
        "A total of KWD 5.376 is not possible: cards are charged in steps of KWD 0.010. Right would"
        " be KWD 5.370 or KWD 5.380."
    )
    assert sentence in words(post(owner, form, **typed)).replace("\N{NO-BREAK SPACE}", " ")

    shown = words(post(owner, form, "/invoices/preview", **typed))

    assert sentence in shown.replace("\N{NO-BREAK SPACE}", " ")
    right = {**typed, "unit_price": ["1.380", "4"]}
    assert "not possible" not in words(post(owner, form, "/invoices/preview", **right))


def test_a_new_form_does_not_complain_of_its_zero_total(owner: Browser, form):
    assert "nothing to pay" not in words(owner.get("/invoices/new"))


def test_an_empty_line_is_an_offer_and_no_mistake(owner: Browser, form):
    columns: dict[str, Any] = {name: [*form[name], ""] for name in ("description", "unit_price")}

    answer = post(owner, form, **columns, quantity=["2", "1.5", "1"], tax_rate=["19", "7", "0"])

    assert answer.status_code == 303


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"currency": "JPY", "unit_price": ["1.50", "1"]}, "JPY has no decimals"),
        ({"currency": "KWD", "unit_price": ["1.234", "1"]}, "charged in steps of KWD 0.010"),
        ({"rounding": "down"}, "Choose how halves are rounded."),
        ({"currency": "XXL"}, "is no ISO 4217 currency code"),
        ({"quantity": ["0", "1"]}, "The quantity must be more than 0"),
        ({"quantity": ["-1", "1"]}, "The quantity must be more than 0"),
        ({"tax_rate": ["101", "0"]}, "from 0 to 100"),
        ({"unit_price": ["1.234,50", "1"]}, "Write it like 1,234.50"),
        ({"unit_price": ["1e3", "1"]}, "Write it like 1,234.50"),
        ({"unit_price": ["", "1"]}, "Line 1: enter a unit price"),
        ({"unit_price": ["-5", "1"]}, "The price must be 0 or more"),
        ({"description": ["", "x"]}, "Line 1: enter a description"),
        ({"description": ["x" * 501, "x"]}, "At most 500 characters"),
        ({"customer_id": ""}, "Choose a customer."),
        ({"customer_id": "cus_no"}, "There is no customer"),
        ({"due_date": "yesterday"}, "Enter a date like 2026-12-31."),
        ({"due_date": "2001-01-01"}, "or later"),
    ],
)
def test_a_mistake_is_said_and_nothing_is_saved(owner: Browser, form, changed, said: str):
    answer = post(owner, form, **changed)

    assert answer.status_code == 422
    assert said in words(answer)
    assert 'role="alert"' in answer.text
    assert "No invoices yet" in words(owner.get("/invoices"))


def test_all_mistakes_are_shown_at_once_beside_their_fields(owner: Browser, form):
    answer = post(owner, form, quantity=["no", "1"], unit_price=["1", "a lot"], customer_id="")

    assert "There are 3 problems" in words(answer)
    assert 'href="#f-lines-0-quantity"' in answer.text
    assert 'id="f-lines-1-unit_price-error"' in answer.text


def test_a_hundred_lines_are_saved_and_one_more_is_not(owner: Browser, form):
    def lines(count: int) -> dict[str, Any]:
        names = ("description", "quantity", "unit_price", "tax_rate")
        return {name: ["1"] * count for name in names}

    assert post(owner, form, **lines(100)).status_code == 303
    answer = post(owner, form, **lines(101))

    assert answer.status_code == 422
    assert "At most 100 lines" in words(answer)


def test_a_draft_is_edited_and_an_older_view_of_it_is_refused(owner: Browser, form):
    path = post(owner, form).headers["Location"]
    page = owner.get(f"{path}/edit")
    assert 'value="1000.00"' in page.text

    first = post(owner, form, f"{path}/edit", version="1", memo="first")
    second = post(owner, form, f"{path}/edit", version="1", memo="second")

    assert first.status_code == 303
    assert second.status_code == 409
    assert "Somebody changed this draft meanwhile" in words(second)


def _inputs(page: str, name: str) -> list[str]:
    return [part for part in page.split("<input")[1:] if f'name="{name}"' in part]
