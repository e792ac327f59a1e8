"""Endpoints for others over the API: a secret is shown when it is made, and never again."""

import pytest

from tests.api.support import Api, new_key, refusal

URL = "https://a.example/hook"


def test_an_endpoint_is_made_once_per_key_shown_rotated_and_deleted(api: Api):
    key = new_key()
    made = api.post("/webhook-endpoints", {"url": URL}, key=key)
    again = api.post("/webhook-endpoints", {"url": URL}, key=key)
    path = f"/webhook-endpoints/{made.json['id']}"

    assert (made.status_code, again.json) == (201, made.json)
    assert made.headers["Location"] == f"/api/v1{path}"
    assert made.json["secret"].startswith("whsec_")
    assert [each["url"] for each in api.get("/webhook-endpoints").json["data"]] == [URL]
    assert "secret" not in api.get(path).json

    rotated = api.post(f"{path}/rotate-secret")
    assert rotated.status_code == 200
    assert rotated.json["secret"] not in (made.json["secret"], None)
    assert rotated.json["previous_until"] is not None

    assert [api.send("DELETE", path).status_code for _ in range(2)] == [204, 204]
    assert api.get(path).json["disabled_reason"] == "deleted through the API"
    refusal(api.post(f"{path}/rotate-secret"), 422, "invalid")


@pytest.mark.parametrize(
    "url",
    ["", "ftp://a.example", "https://", "https://user:word@a.example", "http://[", "http://a:b",
     "https://a.example/\\n", "https://ä.example", "https://a.example/" + "x" * 500],
)  # fmt: skip
def test_what_is_no_address_is_refused(api: Api, url):
    refusal(api.post("/webhook-endpoints", {"url": url.replace("\\n", "\n")}), 422, "invalid")


def test_an_endpoint_that_is_not_there_is_not_found(api: Api):
    path = "/webhook-endpoints/whe_" + "0" * 32

    for answer in (api.get(path), api.send("DELETE", path), api.post(f"{path}/rotate-secret")):
        refusal(answer, 404, "not_found")
