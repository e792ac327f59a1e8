"""Lists as files: what the page shows, in plain decimals, and nothing that runs as a formula."""

import csv
import io

from sqlalchemy import text

from payments_app.web.csv_file import amount, decimal, download


def rows(answer) -> list[dict[str, str]]:
    assert answer.mimetype == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_a_list_is_downloaded_as_the_page_filters_it(owner, paid, talk, sessions):
    with sessions.begin() as session:
        session.execute(text("UPDATE customers SET name = '=cmd|'' /C calc''!A0'"))

    (invoice,) = rows(owner.get("/invoices.csv?tab=paid"))
    (payment,) = rows(owner.get("/payments.csv?tab=completed"))

    assert (invoice["state"], invoice["total"], invoice["open"], invoice["currency"]) == (
        "paid",
        "120.00",
        "0.00",
        "USD",
    )
    assert invoice["customer"] == "'=cmd|' /C calc'!A0"
    assert (payment["id"], payment["amount"]) == (paid.payment_id, "120.00")
    assert rows(owner.get("/payments.csv?tab=failed")) == []
    assert 'href="/payments.csv?tab=completed"' in owner.get("/payments?tab=completed").text


def test_amounts_are_plain_decimals_of_their_currency(app):
    assert [
        decimal(5, "USD"),
        decimal(-1_250, "USD"),
        decimal(1_050, "JPY"),
        decimal(1, "KWD"),
    ] == [
        "0.05",
        "-12.50",
        "1050",
        "0.001",
    ]
    with app.test_request_context():
        text = download("x", ("a", "b"), [(amount(-100, "USD"), '-1"\n')]).get_data(as_text=True)
    assert text == 'a,b\r\n-1.00,"\'-1""\n"\r\n'
