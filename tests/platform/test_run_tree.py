"""`make run` as one process tree: it starts, answers, stops in order, and survives being killed."""

import os
import shutil
import signal
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from payments_app import embedded_postgres
from payments_app.cli import run_all
from payments_app.cli.db import upgrade
from payments_app.cli.parts import KILL_SLACK_S
from payments_app.db import make_engine
from payments_app.domain.customer import Customer
from payments_app.embedded_postgres import cluster
from payments_app.embedded_postgres.place import locate
from tests.support.ports import free_port
from tests.support.processes import Running, marked
from tests.support.waiting import wait_until

ROOT = Path(__file__).parent.parent.parent
RUN_ALL = [
    sys.executable,
    "-m",
    "flask",
    "--app",
    "payments_app:create_app(edges=False)",
    "run-all",
]
# The promise is ten seconds, which the bounds add up to; the machine that runs the tests may be so
# busy with other tests that starting `pg_ctl` takes seconds.
STOP_PROMISE_S = 10
STOP_TIMEOUT_S = 30
READY_TIMEOUT_S = 60

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="asks /proc"),
    pytest.mark.timeout(180),
]


class Tree(Running):
    @property
    def address(self):
        return f"http://127.0.0.1:{self.env['PORT']}"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """A DATA_DIR whose database has one customer, so that it is not seeded."""
    folder = tmp_path_factory.mktemp("run") / "data"
    with embedded_postgres.server(folder, settings={"fsync": "off"}) as url:
        upgrade(url)
        engine = make_engine(url)
        with Session(engine) as session, session.begin():
            session.add(Customer(name="A", email="a@b.test", address=""))
        engine.dispose()
    yield folder
    embedded_postgres.remove(folder)


@pytest.fixture
def start(data_dir):
    running: list[Running] = []

    def start_tree(command=RUN_ALL, **env):
        settings = {
            "DATA_DIR": str(data_dir),
            "PORT": str(free_port()),
            "GATEWAY_PORT": str(free_port()),
            "WORKER_PROCESSES": "1",
            "APP_ENV": "development",
            # A test run that is killed leaves no tree behind; make puts in its own number.
            "RUN_PARENT_PID": str(os.getpid()),
            **env,
        }
        mark = f"{data_dir}:{len(running)}"
        tree = Tree(command, mark=mark, env=settings, cwd=ROOT)
        running.append(tree)
        return tree

    yield start_tree
    for tree in running:
        tree.close()


def test_the_bounds_of_all_parts_add_up_to_less_than_the_promise():
    parts = [run_all.WEB_GRACE_S, run_all.WORKERS_GRACE_S, run_all.GATEWAY_GRACE_S]
    of_parts = sum(grace + KILL_SLACK_S for grace in parts)

    assert of_parts + cluster.STOP_TIMEOUT_S < STOP_PROMISE_S


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "TERM"])
def test_everything_is_up_and_then_nothing_is_left(start, data_dir, number):
    tree = start()
    tree.wait_for_line("open http://", timeout_s=READY_TIMEOUT_S)
    assert status(f"{tree.address}/readyz") == 200

    tree.signal_group(number)

    assert tree.wait(timeout_s=STOP_TIMEOUT_S) == 0, tree.output
    assert marked(tree.mark) == []
    assert cluster.running_port(locate(data_dir)) is None


def test_after_kill_9_of_the_whole_tree_the_next_start_goes_on(start, data_dir):
    tree = start()
    tree.wait_for_line("open http://", timeout_s=READY_TIMEOUT_S)
    for pid in marked(tree.mark):
        os.kill(pid, signal.SIGKILL)
    tree.wait(timeout_s=STOP_TIMEOUT_S)

    again = start()
    again.wait_for_line("open http://", timeout_s=READY_TIMEOUT_S)
    assert status(f"{again.address}/readyz") == 200
    again.signal_group(signal.SIGTERM)

    assert again.wait(timeout_s=STOP_TIMEOUT_S) == 0, again.output
    assert cluster.running_port(locate(data_dir)) is None


def test_after_kill_9_of_the_parent_the_next_start_waits_for_the_parts_to_end(start):
    tree = start()
    tree.wait_for_line("open http://", timeout_s=READY_TIMEOUT_S)
    tree.process.kill()

    again = start(PORT=tree.address.rpartition(":")[2])  # The same port: it must be free again.
    again.wait_for_line("open http://", timeout_s=READY_TIMEOUT_S)

    assert marked(tree.mark) == []


def test_a_part_that_dies_is_said_and_started_again(start):
    tree = start()
    tree.wait_for_line("open http://", timeout_s=READY_TIMEOUT_S)
    web = next(pid for pid in marked(tree.mark) if is_web_server(pid))

    os.kill(web, signal.SIGKILL)

    tree.wait_for_line("web ended (killed by SIGKILL); starting it again")
    wait_until(lambda: status(f"{tree.address}/healthz") == 200, timeout_s=READY_TIMEOUT_S)


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
@pytest.mark.skipif(not (ROOT / ".venv/bin/python").exists(), reason="needs .venv")
def test_term_sent_to_make_stops_the_tree(start, data_dir):
    tree = start(["make", "-o", "install", "run"])
    tree.wait_for_line("open http://", timeout_s=READY_TIMEOUT_S)

    os.kill(tree.process.pid, signal.SIGTERM)  # To make alone, not to its group.

    tree.wait(timeout_s=STOP_TIMEOUT_S)
    wait_until(lambda: not marked(tree.mark), timeout_s=STOP_TIMEOUT_S)
    assert cluster.running_port(locate(data_dir)) is None


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
@pytest.mark.skipif(not (ROOT / ".venv/bin/python").exists(), reason="needs .venv")
def test_the_tree_stops_when_its_make_is_killed(start):
    tree = start(["make", "-o", "install", "run"])
    tree.wait_for_line("open http://", timeout_s=READY_TIMEOUT_S)

    tree.process.kill()

    wait_until(lambda: not marked(tree.mark), timeout_s=STOP_TIMEOUT_S)


class TestMistakes:
    @pytest.mark.parametrize("variable", ["PORT", "GATEWAY_PORT"])
    def test_a_port_in_use_is_named_before_anything_starts(self, start, data_dir, variable):
        # The folder is shared: a tree killed in an earlier test may have left its server running.
        before = cluster.running_port(locate(data_dir))
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            tree = start(**{variable: str(taken.getsockname()[1])})

            assert tree.wait(timeout_s=READY_TIMEOUT_S) == 1

        assert f"{variable} {taken_port(tree.output)}" in tree.output
        assert f"make run {variable}=" in tree.output
        assert "Traceback" not in tree.output
        assert cluster.running_port(locate(data_dir)) == before

    def test_a_folder_that_cannot_be_written_is_named(self, start, tmp_path):
        (tmp_path / "file").write_text("in the way")

        tree = start(DATA_DIR=str(tmp_path / "file" / "data"))

        assert tree.wait(timeout_s=READY_TIMEOUT_S) == 1
        assert "DATA_DIR" in tree.output
        assert "Traceback" not in tree.output

    def test_a_database_that_does_not_answer_is_named_without_its_password(self, start, tmp_path):
        port = free_port()
        url = f"postgresql://app:hunter2@127.0.0.1:{port}/app"

        tree = start(DATABASE_URL=url, DATA_DIR=str(tmp_path / "other"))

        assert tree.wait(timeout_s=READY_TIMEOUT_S) == 1
        assert f"host 127.0.0.1, port {port}" in tree.output
        assert "DATABASE_URL" in tree.output
        assert "hunter2" not in tree.output
        assert "Traceback" not in tree.output

    def test_a_second_start_in_the_same_folder_is_refused(self, start):
        first = start()
        first.wait_for_line("starting; data in")

        second = start()

        assert second.wait(timeout_s=READY_TIMEOUT_S) == 1
        assert "in use by another `make run`" in second.output

    def test_a_wrong_setting_is_named(self, start):
        tree = start(LEASE_SECONDS="soon")

        assert tree.wait(timeout_s=READY_TIMEOUT_S) != 0
        assert "LEASE_SECONDS is “soon”" in tree.output
        assert "Traceback" not in tree.output


def status(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  Our own address.
            return answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except (urllib.error.URLError, OSError):
        return None


def is_web_server(pid):
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
    guards = b"guard.py" in Path(f"/proc/{parent}/cmdline").read_bytes()
    return b"gunicorn" in words and guards


def taken_port(output):
    return output.partition("PORT ")[2].split()[0]
