"""How long a payment's job waits after an error of our own."""

from types import SimpleNamespace

import pytest

from payments_app.gateway.stripe_adapter import StripeGateway
from tests.support.simulator import API_KEY
from workers.payment_processor import PaymentProcessor
from workers.refund_processor import RefundProcessor


@pytest.mark.parametrize("processor", [PaymentProcessor, RefundProcessor])
@pytest.mark.parametrize(("attempt", "wait_s"), [(1, 1.0), (3, 4.0), (6, 30.0), (20, 30.0)])
def test_a_payment_whose_workers_were_killed_often_waits_half_a_minute_at_most(
    processor, attempt, wait_s
):
    worker = processor(StripeGateway("http://127.0.0.1:9", API_KEY))

    assert worker.backoff(SimpleNamespace(attempt=attempt), "the database was away") == wait_s
