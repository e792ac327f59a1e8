"""Credit on pages and over HTTP: shown, used once, and the same money is never spent twice."""

from payments_app.domain.access import Role
from payments_app.domain.invoice import InvoiceStatus
from payments_app.services import invoices
from tests.api import worlds
from tests.api.support import Api, new_key, refusal
from tests.services.test_credit import another_invoice, over
from tests.web.browser import field, words

__all__ = ["over"]  # A fixture of the service's own tests.


def test_credit_is_shown_and_used_on_an_open_invoice_once(browser_of, sessions, over):
    with sessions.begin() as session:
        other = another_invoice(session, over.payment.customer_id, over.now, 5_000)
    staff = browser_of(Role.STAFF)
    assert "Credit $90.00" in words(staff.get(f"/customers/{over.payment.customer_id}"))
    page = staff.get(f"/invoices/{other.id}")
    assert "Use $50.00 of credit" in words(page)
    form = {"idempotency_key": field(page, "idempotency_key")}

    staff.submit(f"/invoices/{other.id}/credit", form)
    again = staff.submit(f"/invoices/{other.id}/credit", form)

    assert "The credit was used once." in words(staff.get(again.headers["Location"]))
    with sessions() as session:
        assert invoices.get(session, other.id).status is InvoiceStatus.PAID
    assert "Credit $40.00" in words(staff.get(f"/customers/{over.payment.customer_id}"))


def test_credit_is_used_over_the_api_with_a_key(app, sessions, over):
    api = Api(app, worlds.new_bearer(sessions))
    with sessions.begin() as session:
        other = another_invoice(session, over.payment.customer_id, over.now, 5_000)
    path = f"/invoices/{other.id}/apply-credit"
    key = new_key()
    shown = api.get(f"/customers/{over.payment.customer_id}/credit").json
    assert shown == {"data": [{"currency": "USD", "amount_minor": 9_000}]}

    first = api.post(path, {"amount_minor": 2_000}, key=key)
    second = api.post(path, {"amount_minor": 2_000}, key=key)

    assert (first.status_code, first.json["due_minor"]) == (200, 3_000)
    assert (second.json, second.headers["Idempotent-Replayed"]) == (first.json, "true")
    refusal(api.post(path, {"amount_minor": 3_001}, key=new_key()), 422, "invalid_amount")
    refusal(api.post(path, {}), 400, "idempotency_key_missing")
