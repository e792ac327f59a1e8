"""Periodic jobs under several leaders, over restarts, and in the hands of operators."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from queue_core import Cron, InvalidJob, Queue, Unique, control
from queue_core.crontab import job_of
from queue_core.runtime.cron import CronTicker, fire
from queue_core.testing import ManualClock
from queue_core.writing import write_jobs
from tests.queue_core.support import Note, Once, Runner, execute, is_waiting, jobs, runner
from tests.support.waiting import wait_until

EVERY_MINUTE = Cron("sweep", "* * * * *", Note("sweep"))
BOOT = Cron("boot", "@reboot", Note("up"))
TEN = datetime(2026, 5, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize("first_commits", [True, False])
def test_two_leaders_at_one_minute_store_one_job_whoever_commits(
    queue: Queue, *, first_commits: bool
) -> None:
    with runner(queue) as first, runner(queue) as second, ThreadPoolExecutor(1) as pool:
        CronTicker([EVERY_MINUTE]).tick(first.store)
        row = first.store.list_cron_entries(names=None)[0]
        first.connection.execute("BEGIN")
        stored = write_jobs(first.store, [job_of(row, TEN)])[0]
        first.store.record_cron_run(name="sweep", minute=TEN, job_id=stored.id)
        fired = pool.submit(fire, second.store, row, TEN)
        wait_until(lambda: is_waiting(queue))
        first.connection.execute("COMMIT" if first_commits else "ROLLBACK")

        assert (fired.result(timeout=10) is None) is first_commits
    assert len(jobs(queue)) == 1


def test_a_unique_job_is_not_stored_beside_its_unfinished_twin(queue: Queue) -> None:
    """As if it were inserted by hand; the history names the twin."""
    entry = Cron("once", "* * * * *", Once("x"))
    bare = Cron("bare", "* * * * *", Once("x"), options={"unique": None})
    window = Cron(
        "window", "* * * * *", Note("w"), options={"unique": Unique(period=timedelta(hours=1))}
    )
    with runner(queue) as leader:
        CronTicker([entry, bare, window]).tick(leader.store)
        rows = {row["name"]: row for row in leader.store.list_cron_entries(names=None)}
        fired = {
            name: [fire(leader.store, row, TEN + timedelta(minutes=n)) for n in range(2)]
            for name, row in rows.items()
        }

    assert {name: [one and one.conflict for one in some] for name, some in fired.items()} == {
        "once": [False, True],
        "bare": [False, False],
        "window": [False, True],
    }
    assert len({one.id for one in fired["once"] if one}) == 1


def test_minute_after_minute_fires(queue: Queue) -> None:
    ticker = CronTicker([EVERY_MINUTE])
    with runner(queue) as leader:
        for _ in range(4):
            ticker.tick(leader.store)
            ManualClock(queue).advance(60)

    assert len(jobs(queue)) == 3


class TestReboot:
    """Once when workers start where none were running."""

    def boots(self, queue: Queue) -> int:
        return len(jobs(queue))

    def age(self, queue: Queue, seconds: int) -> None:
        """Lets time pass, in which everybody renewed its lease."""
        ManualClock(queue).advance(seconds)
        execute(queue, "UPDATE queue.workers SET renewed_at = now(), expires_at = now() + '1 min'")

    def test_a_new_leader_of_the_same_cluster_fires_nothing(self, queue: Queue) -> None:
        with runner(queue) as one, runner(queue) as other:
            for leader in (one, other, one):
                CronTicker([BOOT]).tick(leader.store)
                self.age(queue, 60)

        assert self.boots(queue) == 1

    def test_two_leaders_at_the_start_fire_once(self, queue: Queue) -> None:
        with runner(queue) as one, runner(queue) as other:
            for leader in (one, other):
                leader.store.write_cron_entry(**BOOT.values(), dynamic=False)
            row = one.store.list_cron_entries(names=None)[0]
            up_since = one.store.find_cluster(since=row["checked_until"])[0]["up_since"]

            fired = [fire(leader.store, row, up_since) for leader in (one, other)]

        assert [job is None for job in fired] == [False, True]

    def test_a_rolling_restart_is_no_boot(self, queue: Queue) -> None:
        with runner(queue) as old:
            CronTicker([BOOT]).tick(old.store)
            self.age(queue, 60)
            with runner(queue) as new:
                self.age(queue, 10)
                CronTicker([BOOT]).tick(new.store)
                old.die()
                CronTicker([BOOT]).tick(new.store)

        assert self.boots(queue) == 1

    def test_a_start_after_everybody_stopped_is_a_boot(self, queue: Queue) -> None:
        with runner(queue) as old:
            CronTicker([BOOT]).tick(old.store)
            old.die()
        ManualClock(queue).advance(5)
        with runner(queue) as new:
            CronTicker([BOOT]).tick(new.store)

        assert self.boots(queue) == 2

    def test_after_a_kill_of_all_it_fires_when_their_leases_have_run_out(
        self, queue: Queue
    ) -> None:
        with runner(queue) as old:
            CronTicker([BOOT]).tick(old.store)
            ManualClock(queue).advance(20)
            new = Runner(queue)
            for _ in range(2):
                CronTicker([BOOT]).tick(new.store)
            assert self.boots(queue) == 1  # The dead one's row still looks alive.
            old.die()  # As the reaper does.
            for _ in range(2):
                CronTicker([BOOT]).tick(new.store)
            new.close()

        assert self.boots(queue) == 2


class TestOperators:
    """What an operator wants of a periodic job."""

    def declare(self, queue: Queue, *entries: Cron) -> None:
        with runner(queue) as leader:
            CronTicker(entries).tick(leader.store)

    def test_run_now_stores_the_job_and_notes_it(self, queue: Queue) -> None:
        self.declare(queue, EVERY_MINUTE)
        with queue.engine.begin() as connection:
            control.pause_cron(connection, "sweep")
            stored = control.run_cron(connection, "sweep", actor="ada")
            runs = control.list_cron_runs(connection, "sweep")

        assert [(one["id"], one["args"]["text"]) for one in jobs(queue)] == [(stored.id, "sweep")]
        assert [row["job_id"] for row in runs] == [stored.id]

    def test_an_entry_can_be_added_changed_and_removed(self, queue: Queue) -> None:
        with queue.engine.begin() as connection:
            control.add_cron(connection, Cron("extra", "@daily", Note("x")))
            control.add_cron(connection, Cron("extra", "@hourly", Note("x")))
            listed = control.list_cron(connection)
            control.remove_cron(connection, "extra")
            left = control.list_cron(connection)

        assert [(row["name"], row["expression"]) for row in listed] == [("extra", "@hourly")]
        assert listed[0]["next_at"].minute == 0
        assert left == []

    def test_what_code_declares_is_changed_in_code(self, queue: Queue) -> None:
        self.declare(queue, EVERY_MINUTE)
        with (
            queue.engine.begin() as connection,
            pytest.raises(InvalidJob, match="'sweep' is declared by code"),
        ):
            control.add_cron(connection, EVERY_MINUTE)

    @pytest.mark.parametrize("verb", [control.run_cron, control.remove_cron, control.pause_cron])
    def test_an_unknown_name_is_answered_with_the_known_ones(
        self, queue: Queue, verb: object
    ) -> None:
        self.declare(queue, EVERY_MINUTE)
        with (
            queue.engine.begin() as connection,
            pytest.raises(InvalidJob, match="'nope' is unknown; known are sweep"),
        ):
            verb(connection, "nope")  # type: ignore[operator]
