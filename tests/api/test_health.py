"""Probes: /healthz for the process, /readyz for all parts, /metrics for numbers."""

from sqlalchemy import text

from tests.api import worlds
from tests.api.support import Api
from tests.support.ports import free_port
from tests.support.simulator import Simulator


def a_live_worker(sessions) -> None:
    with sessions.begin() as session:
        session.execute(
            text(
                "INSERT INTO queue.workers (id, supervisor_id, node, pid, supervisor_pid, queues,"
                " kinds, expires_at) VALUES (gen_random_uuid(), gen_random_uuid(), 'here', 1, 1,"
                " '{payments}', '{process_payment}', now() + interval '1 minute')"
            )
        )


def test_the_process_answers_without_asking_anybody(database_url):
    with worlds.app_on("postgresql://nobody@127.0.0.1:1/none") as app:
        answer = app.test_client().get("/healthz")

    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_ready_means_all_parts(app_database_url, tmp_path):
    with (
        Simulator(tmp_path) as gateway,
        worlds.app_on(app_database_url, GATEWAY_URL=gateway.url) as app,
    ):
        client = app.test_client()
        without = client.get("/readyz")
        a_live_worker(app.extensions["database"].sessions)
        ready = client.get("/readyz")

    assert without.status_code == 503
    assert without.json["parts"]["workers"] == "no worker is alive"
    assert ready.status_code == 200
    assert set(ready.json["parts"].values()) == {"ok"}


def test_a_gateway_that_is_away_is_named(app_database_url):
    url = f"http://127.0.0.1:{free_port()}"
    with worlds.app_on(app_database_url, GATEWAY_URL=url) as app:
        a_live_worker(app.extensions["database"].sessions)
        answer = app.test_client().get("/readyz")

    assert answer.status_code == 503
    assert answer.json["parts"]["gateway"] == "does not answer"


def test_a_database_without_tables_is_told_how_to_get_them(database_url):
    with worlds.app_on(database_url) as app:
        answer = app.test_client().get("/readyz")

    assert answer.status_code == 503
    assert "db upgrade" in answer.json["parts"]["schema"]


def test_a_database_that_is_away_is_named():
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    with worlds.app_on(url) as app:
        client = app.test_client()
        ready, metrics = client.get("/readyz"), client.get("/metrics")

    assert ready.status_code == 503
    assert ready.json["parts"]["database"] == "does not answer"
    assert metrics.status_code == 200
    assert "database_up 0.0" in metrics.text


def test_a_scrape_counts_requests_by_route_and_jobs_by_state(api: Api, app, payment, sessions):
    a_live_worker(sessions)
    api.get(f"/payments/{payment['id']}")

    scraped = app.test_client().get("/metrics").text

    assert 'route="/api/v1/payments/<payment_id>",status="200"' in scraped
    assert payment["id"] not in scraped
    assert 'queue_jobs{queue="payments",state="available"} 1.0' in scraped
    assert 'queue_workers{queue="payments"} 1.0' in scraped
    assert 'open_payments{status="pending"} 1.0' in scraped
    assert "database_up 1.0" in scraped
    # Inserted by the web process of this test, and what only the queue's tables know.
    assert 'queue_job_inserted_total{kind="process_payment",queue="payments"}' in scraped
    assert 'queue_paused{queue="payments"} 0.0' in scraped


def test_addresses_that_are_none_share_one_label(app):
    client = app.test_client()
    for path in ("/api/v1/a1b2", "/api/v1/c3d4"):
        client.get(path)

    scraped = client.get("/metrics").text

    assert 'route="unrouted",status="404"' in scraped
    assert "a1b2" not in scraped


def test_with_a_token_only_who_sends_it_may_scrape(app_database_url):
    with worlds.app_on(app_database_url, METRICS_TOKEN="s3cret") as app:
        client = app.test_client()
        without = client.get("/metrics")
        wrong = client.get("/metrics", headers={"Authorization": "Bearer s3cre"})
        right = client.get("/metrics", headers={"Authorization": "Bearer s3cret"})

    assert (without.status_code, wrong.status_code, right.status_code) == (401, 401, 200)
    assert "database_up" not in without.text
    assert without.headers["WWW-Authenticate"] == "Bearer"
