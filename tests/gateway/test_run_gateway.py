"""``flask run-gateway`` as a person meets it: what it says, what it needs, how it ends."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import requests

from tests.gateway.conftest import in_parallel
from tests.support.ports import free_port

# The command without the rest of the application, which it does not use and which loads slowly.
ALONE = "from payments_app.cli.run_gateway import run_gateway; run_gateway()"
COMMAND = [sys.executable, "-c", ALONE]
AS_DOCUMENTED = [sys.executable, "-m", "flask", "--app", "payments_app", "run-gateway"]
MODULE = [sys.executable, "-m", "payments_app.gateway.simulator"]
ENDED_WITHIN_S = 1.0


@contextmanager
def running(
    *options: str, command: list[str] = COMMAND, **env: str
) -> Iterator[subprocess.Popen[str]]:
    """A process whose output can be read line by line, killed at the end."""
    process = subprocess.Popen(
        [*command, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **env},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def refused(*options: str) -> str:
    """What the command says when it cannot start."""
    ended = subprocess.run(
        [*COMMAND, *options], capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stderr


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_it_says_where_it_listens_and_needs_no_database(tmp_path):
    port = free_port()
    settings = {"DATA_DIR": str(tmp_path), "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}

    with running(command=AS_DOCUMENTED, GATEWAY_PORT=str(port), **settings) as process:
        assert f"http://127.0.0.1:{port}" in first_line(process)
        assert requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5).ok
        assert (tmp_path / "gateway.sqlite3").exists()


def test_it_accepts_only_the_configured_key(tmp_path):
    port = free_port()
    with running("--port", str(port), DATA_DIR=str(tmp_path), GATEWAY_API_KEY="sk_1") as process:
        first_line(process)
        url = f"http://127.0.0.1:{port}/v1/charges"

        answers = [requests.get(url, auth=(key, ""), timeout=5) for key in ("sk_1", "sk_test_2")]

    assert [answer.status_code for answer in answers] == [200, 401]


def test_it_logs_one_line_per_request(tmp_path):
    with running("--port", "0", DATA_DIR=str(tmp_path)) as process:
        url = first_line(process).split()[-1]
        first_line(process)
        requests.get(f"{url}/healthz", timeout=5)

        assert " GET /healthz 200 " in first_line(process)


def test_a_port_in_use_is_said_with_what_to_do(tmp_path, simulator):
    said = refused("--port", str(simulator.port), "--data", str(tmp_path))

    assert f"port {simulator.port} on 127.0.0.1 is already in use" in said
    assert "GATEWAY_PORT" in said


def test_a_folder_in_use_is_said(simulator):
    assert "another gateway" in refused("--port", "0", "--data", str(simulator.folder))


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")

    said = refused("--port", "0", "--data", str(blocked / "inside"))

    assert str(blocked / "inside") in said
    assert "DATA_DIR" in said


def test_a_file_of_another_version_is_said_and_left_alone(tmp_path):
    path = tmp_path / "gateway.sqlite3"
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 99")

    assert f"{path} was made by another version" in refused("--port", "0", "--data", str(tmp_path))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_within_a_second_also_while_it_holds_a_connection(tmp_path, number):
    with running("--port", "0", DATA_DIR=str(tmp_path)) as process:
        url = first_line(process).split()[-1]
        rules = [{"match": {"op": "list_charges"}, "do": "hang"}]
        requests.post(f"{url}/_sim/faults", json={"rules": rules}, timeout=5)
        with pytest.raises(requests.ReadTimeout):
            requests.get(f"{url}/v1/charges", auth=("sk_test_x", ""), timeout=0.2)

        process.send_signal(number)
        began_s = time.monotonic()
        code = process.wait(timeout=5)

        assert time.monotonic() - began_s < ENDED_WITHIN_S
        assert code == 0


def test_the_module_starts_in_a_moment(tmp_path: Path):
    began_s = time.monotonic()

    with running("--port", "0", "--data", str(tmp_path), command=MODULE) as process:
        assert "listens on" in first_line(process)
        # Usually half a second; the bound leaves room for a loaded machine.
        assert time.monotonic() - began_s < 3


def test_it_ends_with_the_process_that_started_it(tmp_path: Path):
    options = ["--die-with-stdin", "--port", "0", "--data", str(tmp_path)]
    with running(*options, command=MODULE) as process:
        first_line(process)
        assert process.stdin is not None

        process.stdin.close()

        assert process.wait(timeout=5) == 0


def test_fifty_clients_are_served_at_once_on_kept_connections(simulator):
    def client(number: int) -> list[int]:
        form = {"amount": 5, "currency": "eur"}
        with requests.Session() as session:
            session.auth = (simulator.api_key, "")
            urls = [f"{simulator.url}/v1/payment_intents"] * 4
            return [session.post(url, form, timeout=10).status_code for url in urls]

    answers = in_parallel(50, client)

    assert answers == [[200] * 4] * 50


def test_the_simulator_imports_nothing_else_of_ours():
    script = """
import sys, payments_app.gateway.simulator.serve
ours = ("payments_app", "queue_core", "workers")
print(*(name for name in sys.modules if name.startswith(ours)))
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    others = {
        name
        for name in ended.stdout.split()
        if not name.startswith("payments_app.gateway.simulator")
    }
    assert others == {"payments_app", "payments_app.gateway"}
