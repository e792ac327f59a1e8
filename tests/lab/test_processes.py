"""The lab's gateway, and the machines of its runs, whatever surrounds them."""

import requests

from payments_app.lab.processes import GatewayProcess


def test_the_labs_gateway_takes_the_labs_key_whatever_key_the_shop_has(tmp_path, monkeypatch):
    monkeypatch.setenv("GATEWAY_API_KEY", "sk_test_of_the_shop")

    with GatewayProcess(tmp_path) as gateway:
        answer = requests.get(
            f"{gateway.url}/v1/payment_intents/pi_none",
            headers={"Authorization": f"Bearer {gateway.api_key}"},
            timeout=10,
        )

    assert answer.json()["error"]["code"] == "resource_missing"
