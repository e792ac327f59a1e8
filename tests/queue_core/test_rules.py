"""Rules R1 to R12 that single statements carry: each beside its negative control, in which the
guard is taken out and the promise is seen to break. docs/rules.md lists all.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy

from queue_core import LeaseLost, Queue, clock, lease
from queue_core.lifecycle import INTERRUPTED
from queue_core.runtime import connect
from queue_core.runtime.executor import Executor
from queue_core.runtime.holdings import Holdings
from queue_core.runtime.link import Link
from queue_core.runtime.options import RuntimeOptions
from queue_core.runtime.reaper import Reaper
from queue_core.store import Row, Store
from tests.queue_core.support import (
    Give,
    Note,
    Runner,
    attempts,
    execute,
    insert,
    job,
    make_notes,
    notes,
    runner,
    token,
    weaken,
)
from tests.queue_core.test_leases import as_job, is_waiting
from tests.support.waiting import wait_until

EXPIRE = "UPDATE queue.workers SET expires_at = now() - interval '1 second'"


def reaper(queue: Queue, *, trouble_s: float, lease_s: float = 1e-6) -> Reaper:
    """Next to no lease time: nothing to wait for, not after the start of the tests' server."""
    options = RuntimeOptions(queue.database_url, queue.schema, tuple(queue.queues), lease_s=lease_s)
    return Reaper(options, lambda: trouble_s)


def overtaken(zombie: Runner, owner: Runner) -> Row:
    """A run whose job was released and claimed by another; its row as the zombie remembers it."""
    old = zombie.claim()[0]
    zombie.release(old)
    owner.claim()
    return old


class TestIdentity:
    """R1: every way out of `executing` names the lease."""

    def test_without_the_lease_in_the_where_a_release_takes_anothers_run(
        self, queue: Queue
    ) -> None:
        """Negative control of test_a_stale_runner_changes_nothing[release]."""
        job_id = insert(queue, Note())
        with runner(queue) as zombie, runner(queue) as owner:
            old = overtaken(zombie, owner)

            zombie.store = weaken(zombie.store, "release_jobs", " AND j.lease = i.lease")
            zombie.release(old)

        assert job(queue, job_id)["state"] == "available"

    def test_without_the_lease_in_the_where_a_zombie_may_act(self, queue: Queue) -> None:
        """Negative control of test_an_intention_needs_the_lease."""
        insert(queue, Note())
        with runner(queue) as zombie, runner(queue) as owner, queue.engine.begin() as connection:
            old = overtaken(zombie, owner)
            with pytest.raises(LeaseLost):
                lease.require(connection, token(queue, old))

            weak = weaken(Store(connection), "require_lease", " AND lease = %(lease)s")

            assert weak.require_lease(id=old["id"], lease=old["lease"])

    def test_without_the_lease_in_the_where_a_zombie_wakes_anothers_run(self, queue: Queue) -> None:
        """Negative control: the completion of a job that was woken is fenced as well."""
        job_id = insert(queue, Note())
        with runner(queue) as zombie, runner(queue) as owner:
            old = overtaken(zombie, owner)
            execute(queue, "UPDATE queue.jobs SET wake_requested_at = now()")
            values = {name: old[name] for name in ("id", "lease", "attempt")}
            assert zombie.store.complete_woken_job(**values) == []

            weaken(zombie.store, "complete_woken_job", " AND lease = %(lease)s").complete_woken_job(
                **values
            )

        assert job(queue, job_id)["state"] == "available"


class TestLiveness:
    """R2: a worker that cannot renew fences itself; an outage is nobody's death."""

    def test_a_fenced_worker_starts_nothing_that_it_holds(self, queue: Queue) -> None:
        insert(queue, Give("cancel"))
        with runner(queue) as one:
            row = one.claim()[0]
        fenced = Executor(queue.registry, lambda: None, "queue", may_start=lambda: False)
        trusted = Executor(queue.registry, lambda: None, "queue", may_start=lambda: True)

        assert fenced.execute(row).verdict == INTERRUPTED
        assert trusted.execute(row).verdict.outcome == "cancelled"  # Negative control.

    def test_after_an_outage_of_its_own_a_leader_reaps_nobody_for_one_lease(
        self, queue: Queue
    ) -> None:
        """Its trouble may have been everybody's: they renew first. Then it reaps (the control)."""
        job_id = insert(queue, Note())
        with runner(queue) as lost, runner(queue) as leader:
            lost.claim()
            execute(queue, EXPIRE)

            lost_at_s = clock.boottime_s()
            reaper(queue, trouble_s=lost_at_s, lease_s=60.0).reap(leader.store)
            assert job(queue, job_id)["state"] == "executing"

            reaper(queue, trouble_s=lost_at_s).reap(leader.store)
            assert (job(queue, job_id)["state"], job(queue, job_id)["rescues"]) == ("available", 1)

    def test_a_renewal_revives_what_expired_and_not_what_was_deleted(self, queue: Queue) -> None:
        with runner(queue) as one, runner(queue) as gone:
            gone.die()
            execute(queue, EXPIRE)

            alive = one.store.renew_workers(ids=[one.id, gone.id], lease_s=30.0)

        assert alive == [{"id": one.id}]


class TestLostReplies:
    """R4: a claim that committed and was never heard of is given back."""

    def test_what_is_ours_and_unknown_goes_back_and_nothing_else(self, queue: Queue) -> None:
        heard, unheard = insert(queue, Note("heard")), insert(queue, Note("unheard"))
        with runner(queue) as one, runner(queue) as other:
            holdings = Holdings(one.id, max_rescues=3)
            holdings.claimed(one.claim())
            one.claim()  # Its reply is lost: nobody calls `claimed`.
            anothers = insert(queue, Note("another's"))
            other.claim()

            assert holdings.reconcile(one.store, min_age_s=3600.0) == 0  # Perhaps in flight.
            assert holdings.reconcile(one.store, min_age_s=0.0) == 1

        assert (job(queue, unheard)["state"], job(queue, unheard)["attempt"]) == ("available", 0)
        assert {job(queue, one)["state"] for one in (heard, anothers)} == {"executing"}

    def test_a_node_that_remembers_nothing_gives_back_what_it_runs(self, queue: Queue) -> None:
        """Negative control: the memory of what it holds keeps a run from being doubled."""
        running = insert(queue, Note())
        with runner(queue) as one:
            one.claim()

            Holdings(one.id, max_rescues=3).reconcile(one.store, min_age_s=0.0)

        assert job(queue, running)["state"] == "available"


class TestCompletion:
    """R5: effects inside `transaction()` happen once; elsewhere they do not."""

    @pytest.mark.parametrize(("inside", "effects"), [(True, ["done"]), (False, ["done", "done"])])
    def test_a_stolen_lease_doubles_only_what_is_outside(
        self, queue: Queue, *, inside: bool, effects: list[str]
    ) -> None:
        """The second case is the negative control: the same theft, without the completion."""
        make_notes(queue)
        insert(queue, Note())

        def act(row: Row) -> None:
            run = as_job(queue, row)
            with run.transaction() if inside else run.session() as session:
                session.execute(sqlalchemy.text("INSERT INTO notes (text) VALUES ('done')"))

        with runner(queue) as zombie, runner(queue) as owner:
            old = zombie.claim()[0]
            zombie.release(old)
            act(owner.claim()[0])
            if inside:
                with pytest.raises(LeaseLost):
                    act(old)
            else:
                act(old)

        assert notes(queue) == effects


class TestPoison:
    """R8: a suspect runs alone, and only what had started is charged."""

    def test_a_suspect_is_passed_over_by_claims_of_many(self, queue: Queue) -> None:
        suspect, good = insert(queue, Note("suspect")), insert(queue, Note("good"))
        execute(queue, "UPDATE queue.jobs SET rescues = 3 WHERE id = %(id)s", id=suspect)
        with runner(queue) as one:
            assert [row["id"] for row in one.claim(10)] == [good]

    def test_without_the_guard_it_takes_neighbours_with_it(self, queue: Queue) -> None:
        """Negative control."""
        suspect, good = insert(queue, Note("suspect")), insert(queue, Note("good"))
        execute(queue, "UPDATE queue.jobs SET rescues = 3 WHERE id = %(id)s", id=suspect)
        with runner(queue) as one:
            guard = "\n      AND (rescues >= %(max_rescues)s) = %(solo)s"
            rows = one.claim(
                10, store=weaken(one.store, "claim_jobs", guard, " AND (%(solo)s OR TRUE)")
            )

        assert [row["id"] for row in rows] == [suspect, good]


def test_a_claim_that_did_not_ask_for_known_kinds_would_take_unknown_ones(queue: Queue) -> None:
    """R9, negative control of test_unknown_kinds_are_left_where_they_are."""
    insert(queue, Note())
    with runner(queue) as one:
        guard = " AND kind = ANY (%(kinds)s::text[])"
        weak = weaken(one.store, "claim_jobs", guard, " AND %(kinds)s::text[] IS NOT NULL")

        assert len(one.claim(kinds=["another"], store=weak)) == 1


class TestTwoLeaders:
    """R10: a leader that is believed dead and works on does no harm."""

    def test_one_lease_has_one_holder_until_it_runs_out(self, queue: Queue) -> None:
        with runner(queue) as one, runner(queue) as two:

            def take(who: Runner) -> bool:
                values = {"holder": who.id, "node": "n", "lease_s": 30.0}
                return bool(who.store.take_leadership(**values))

            with ThreadPoolExecutor(2) as pool:
                assert sorted(pool.map(take, (one, two))) == [False, True]
            execute(queue, "UPDATE queue.leader SET expires_at = now() - interval '1 second'")
            assert [take(two), take(one)] == [True, False]

    def test_they_share_the_staging_and_never_wait(self, queue: Queue) -> None:
        fill_due(queue, 6)
        with runner(queue) as one, runner(queue) as two, one.connection.transaction():
            first = one.store.stage_jobs(limit=3)
            second = two.store.stage_jobs(limit=10)

        assert len({row["id"] for row in first} | {row["id"] for row in second}) == 6
        assert (len(first), len(second)) == (3, 3)

    def test_without_skip_locked_one_waits_for_the_other(self, queue: Queue) -> None:
        """Negative control."""
        fill_due(queue, 6)
        with runner(queue) as one, runner(queue) as two, ThreadPoolExecutor(1) as pool:
            weak = weaken(two.store, "stage_jobs", " SKIP LOCKED")
            with one.connection.transaction():
                one.store.stage_jobs(limit=3)
                waiting = pool.submit(weak.stage_jobs, limit=10)
                wait_until(lambda: is_waiting(queue))
            waiting.result(timeout=10)

    def test_a_lost_worker_is_rescued_once(self, queue: Queue) -> None:
        insert(queue, Note())
        with runner(queue) as lost:
            lost.claim()
        execute(queue, EXPIRE)
        with runner(queue) as one, runner(queue) as two, ThreadPoolExecutor(2) as pool:

            def reap_and_sweep(leader: Runner) -> None:
                chores = reaper(queue, trouble_s=float("-inf"))
                chores.reap(leader.store)
                chores.sweep(leader.store)

            list(pool.map(reap_and_sweep, (one, two)))

        rescued: list[dict[str, Any]] = [
            row for row in attempts(queue) if row["outcome"] == "rescue"
        ]
        assert len(rescued) == 1


def test_a_lost_connection_is_made_again_and_without_that_stays_lost(queue: Queue) -> None:
    """R11; the second half of the name is the control."""
    link = Link(queue.database_url, queue.schema, "test", lambda _: None)
    link.ensure()
    pid = link.connection.info.backend_pid
    execute(queue, "SELECT pg_terminate_backend(%(pid)s)", pid=pid)

    for _ in range(2):
        assert not link.ensure()
        with pytest.raises(connect.Lost) as lost:
            link.store.server_uptime()

    assert link.lose(lost.value) < 1.0
    assert link.ensure()
    assert link.store.server_uptime()
    link.close()


def fill_due(queue: Queue, jobs: int) -> None:
    with queue.engine.begin() as connection:
        queue.insert_all(
            connection, [Note(str(number)) for number in range(jobs)], schedule_in=3600
        )
    execute(queue, "UPDATE queue.jobs SET scheduled_at = now() - interval '1 second'")
