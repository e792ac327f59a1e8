"""Customers over HTTP."""

from tests.api.support import Api, refusal


def test_a_customer_that_was_made_can_be_read(api: Api):
    made = api.post("/customers", {"name": "Ada", "email": "ada@example.com"})

    assert made.status_code == 201
    assert made.headers["Location"] == f"/api/v1/customers/{made.json['id']}"
    assert api.get(f"/customers/{made.json['id']}").json == made.json
    assert made.json["name"] == "Ada"
    assert made.json["email"] == "ada@example.com"


def test_a_change_needs_the_version_that_was_seen(api: Api, customer):
    path = f"/customers/{customer['id']}"
    seen = api.get(path).headers["ETag"]

    problem = refusal(api.patch(path, {"name": "B"}), 428, "precondition_required")
    changed = api.patch(path, {"name": "B"}, headers={"If-Match": seen})

    assert "If-Match" in problem["detail"]
    assert changed.json["name"] == "B"
    assert changed.headers["ETag"] != seen
    assert changed.json["email"] == customer["email"]


def test_a_change_of_an_older_version_is_refused_and_changes_nothing(api: Api, customer):
    path = f"/customers/{customer['id']}"
    seen = api.get(path).headers["ETag"]
    api.patch(path, {"name": "First"}, headers={"If-Match": seen})

    late = api.patch(path, {"name": "Second"}, headers={"If-Match": seen})

    refusal(late, 412, "version_conflict")
    assert api.get(path).json["name"] == "First"


def test_what_has_not_changed_is_not_sent_again(api: Api, customer):
    path = f"/customers/{customer['id']}"
    seen = api.get(path).headers["ETag"]

    again = api.get(path, headers={"If-None-Match": seen})

    assert again.status_code == 304
    assert again.data == b""


def test_an_archived_customer_takes_no_new_invoice(api: Api, customer):
    archived = api.post(f"/customers/{customer['id']}/archive")

    assert archived.json["archived_at"]
    problem = refusal(api.post("/invoices", api.an_invoice(customer)), 422, "invalid")
    assert problem["errors"][0]["field"] == "customer_id"


def test_a_list_is_read_page_by_page_without_gaps_while_it_grows(api: Api):
    def make(name: str) -> str:
        return api.post("/customers", {"name": name, "email": f"{name}@example.com"}).json["id"]

    ids = [make(f"c{n}") for n in range(5)]
    seen, cursor = [], ""
    while True:
        page = api.get(f"/customers?limit=2{cursor}").json
        seen += [row["id"] for row in page["data"]]
        if page["next_cursor"] is None:
            break
        make("newer")
        cursor = f"&cursor={page['next_cursor']}"

    assert seen == ids[::-1]


def test_customers_are_found_by_email(api: Api, customer):
    api.post("/customers", {"name": "Eve", "email": "eve@example.com"})

    found = api.get("/customers?email=ada@example.com").json["data"]

    assert [row["id"] for row in found] == [customer["id"]]
