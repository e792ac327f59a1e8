"""The outcome table, through the same statements as production."""

from dataclasses import dataclass

import pytest

from queue_core import Error, InvalidJob, Job, JobArgs, Ok, Queue, Worker, control, telemetry
from queue_core.job import sessions_of
from queue_core.lifecycle import JobState, Verdict, describe, settle
from queue_core.runtime.executor import Executor
from queue_core.runtime.report import Report
from queue_core.runtime.settler import Settler
from queue_core.testing import drain_queue, perform_job
from tests.queue_core.support import (
    Give,
    Note,
    Once,
    attempts,
    execute,
    insert,
    job,
    jobs,
    make_notes,
    notes,
    runner,
)


@dataclass(frozen=True)
class Recorded(JobArgs, kind="recorded", record=True):
    """Has a result that is wanted later."""


@pytest.mark.parametrize(
    ("what", "value", "state", "attempt", "error"),
    [
        ("none", None, "completed", 1, None),
        ("value", {"a": 1}, "completed", 1, None),
        ("ok", 1, "completed", 1, None),
        ("error", "no", "retryable", 1, "Error: no"),
        ("raise", "boom", "retryable", 1, "ValueError: boom"),
        ("exit", None, "retryable", 1, "SystemExit: 3"),
        ("interrupt", None, "retryable", 1, "KeyboardInterrupt: "),
        ("close", None, "retryable", 1, "GeneratorExit: "),
        ("cancel", None, "cancelled", 1, "Cancel: not wanted"),
        ("discard", None, "discarded", 1, "Discard: hopeless"),
        ("snooze", 60, "scheduled", 0, None),
        ("retry_after", 30, "retryable", 1, "RetryAfter: 429"),
        ("coroutine", None, "retryable", 1, "InvalidOutcome: perform returned a coroutine"),
        ("generator", None, "retryable", 1, "InvalidOutcome: perform returned a generator"),
        ("object", None, "retryable", 1, "InvalidOutcome: perform returned what JSON cannot hold"),
    ],
)
def test_every_way_a_run_can_end_is_settled(
    queue: Queue, what: str, value: object, state: str, attempt: int, error: str | None
) -> None:
    job_id = insert(queue, Give(what, value))

    drain_queue(queue, with_limit=1)

    with queue.engine.connect() as connection:
        row = control.show_job(connection, job_id)
    assert row is not None
    assert (row["state"], row["attempt"], row["lease"]) == (state, attempt, 1)
    texts = [f"{one['kind']}: {one['message']}" for one in row["errors"]]
    assert texts == [] if error is None else texts[0].startswith(error)


def test_attempts_are_spent_one_by_one_and_then_the_job_is_dead(queue: Queue) -> None:
    job_id = insert(queue, Give("raise"))

    counts = drain_queue(queue, with_scheduled=True)

    assert counts == {"error": 2, "discarded": 1}
    assert (job(queue, job_id)["attempt"], job(queue, job_id)["lease"]) == (3, 3)
    assert [row["outcome"] for row in attempts(queue)] == ["error", "error"]


def test_a_worker_sees_its_attempt_and_the_exception_it_backs_off_from(queue: Queue) -> None:
    seen: list[object] = []

    class Aware(Worker[Give]):
        def perform(self, job: Job[Give]) -> Error:
            if job.attempt == 1:
                raise ConnectionResetError("gone")
            return Error(f"attempt {job.attempt} of {job.max_attempts}")

        def backoff(self, job: Job[Give], error: BaseException | str) -> float:
            seen.append(error)
            return 7.0 if isinstance(error, ConnectionResetError) else 70.0

    job_id = insert(queue, Give("none"))
    aware = Queue(queue.database_url, queues={"default": 5}, workers=[Aware])
    waits = []
    for _ in range(2):
        drain_queue(aware, with_scheduled=True, with_limit=1)
        with queue.engine.connect() as connection:
            wait = "SELECT extract(epoch FROM scheduled_at - now()) FROM queue.jobs"
            waits.append(float(connection.exec_driver_sql(wait).scalar_one()))
    aware.engine.dispose()

    assert waits == [pytest.approx(7, abs=2), pytest.approx(70, abs=2)]
    assert (type(seen[0]), seen[1]) == (ConnectionResetError, "attempt 2 of 3")
    assert job(queue, job_id)["state"] == "retryable"


def test_a_job_may_snooze_only_as_often_as_it_says(queue: Queue) -> None:
    job_id = insert(queue, Give("snooze"))

    assert drain_queue(queue, with_scheduled=True) == {"snooze": 2, "discarded": 1}
    assert (job(queue, job_id)["attempt"], job(queue, job_id)["snoozed"]) == (1, 2)


def test_arguments_that_do_not_decode_are_an_error_and_are_kept(queue: Queue) -> None:
    job_id = insert(queue, Once("x"))
    execute(queue, """UPDATE queue.jobs SET args = '{"nom": "x"}'""")

    drain_queue(queue, with_limit=1)

    row = job(queue, job_id)
    assert (row["state"], row["args"]) == ("retryable", {"nom": "x"})
    assert "'nom' is unknown" in attempts(queue)[0]["error"]["message"]


def test_an_error_of_ten_megabytes_with_nul_bytes_is_stored_small(queue: Queue) -> None:
    insert(queue, Give("raise", "x" * 20_000))
    with queue.engine.begin() as connection:
        queue.insert_all(connection, [Note()])

    class Loud(Worker[Give]):
        def perform(self, job: Job[Give]) -> None:
            raise ValueError("\x00" * 10_000_000)

    loud = Queue(queue.database_url, queues={"default": 5}, workers=[Loud])
    drain_queue(loud)
    loud.engine.dispose()

    assert len(attempts(queue)[0]["error"]["message"]) < 5_000


def test_a_transaction_completes_the_job_and_nothing_is_settled_twice(queue: Queue) -> None:
    make_notes(queue)
    job_id = insert(queue, Note("once"))

    assert drain_queue(queue) == {"completed": 1}
    assert (notes(queue), job(queue, job_id)["state"], attempts(queue)) == (
        ["once"],
        "completed",
        [],
    )


def test_arguments_that_do_not_decode_wait_for_a_newer_class(queue: Queue) -> None:
    """Dead after the last attempt and kept; redriven, the class that knows them performs them."""

    @dataclass(frozen=True)
    class NewerGive(JobArgs, kind="give"):
        what: str
        colour: str

    class NewerWorker(Worker[NewerGive]):
        def perform(self, job: Job[NewerGive]) -> Ok:
            return Ok(job.args.colour)

    job_id = insert(queue, Give("none"))
    execute(queue, """UPDATE queue.jobs SET args = '{"what": "none", "colour": "red"}'""")
    assert drain_queue(queue, with_scheduled=True) == {"error": 2, "discarded": 1}
    assert "'colour' is unknown to Give" in job(queue, job_id)["error"]["message"]

    newer = Queue(queue.database_url, queues={"default": 5}, workers=[NewerWorker])
    with queue.engine.begin() as connection:
        control.retry(connection, job_id)
    counts = drain_queue(newer)
    newer.engine.dispose()

    assert (counts, job(queue, job_id)["state"]) == ({"completed": 1}, "completed")


class TestResults:
    """What is recorded with a completion."""

    def perform(self, queue: Queue, worker: type[Worker[Recorded]]) -> object:
        recording = Queue(queue.database_url, queues={"default": 5}, workers=[worker])
        job_id = insert(queue, Recorded())
        try:
            drain_queue(recording)
        finally:
            recording.engine.dispose()
        return job(queue, job_id)["result"]

    def test_ok_is_recorded_where_the_class_says_so(self, queue: Queue) -> None:
        class Gives(Worker[Recorded]):
            def perform(self, job: Job[Recorded]) -> Ok:
                return Ok({"pages": 3})

        assert self.perform(queue, Gives) == {"pages": 3}

    def test_too_large_a_result_is_left_out_and_says_so(self, queue: Queue) -> None:
        class Large(Worker[Recorded]):
            def perform(self, job: Job[Recorded]) -> Ok:
                return Ok("x" * 65_537)

        assert self.perform(queue, Large) == {"omitted": "65539 bytes, recorded are at most 65536"}

    def test_a_job_that_completes_itself_records_in_the_same_transaction(
        self, queue: Queue
    ) -> None:
        class Completes(Worker[Recorded]):
            def perform(self, job: Job[Recorded]) -> None:
                with job.transaction():
                    job.record({"id": 7})

        assert self.perform(queue, Completes) == {"id": 7}

    def test_a_result_that_comes_after_the_completion_is_missed_aloud(self, queue: Queue) -> None:
        heard: list[telemetry.Event] = []

        class Late(Worker[Recorded]):
            def perform(self, job: Job[Recorded]) -> Ok:
                with job.transaction():
                    pass
                return Ok("too late")

        detach = telemetry.attach(heard.append)
        result = self.perform(queue, Late)
        detach()

        assert result is None
        assert [one.name for one in heard if one.name != "job.inserted"] == [
            *("job.started", "job.result_dropped", "job.completed")
        ]

    def test_an_error_after_the_completion_does_not_make_the_job_fail(self, queue: Queue) -> None:
        heard: list[telemetry.Event] = []

        class Stumbles(Worker[Recorded]):
            def perform(self, job: Job[Recorded]) -> None:
                with job.transaction():
                    pass
                raise OSError("log is full")

        detach = telemetry.attach(heard.append)
        self.perform(queue, Stumbles)
        detach()

        assert [row["state"] for row in jobs(queue)] == ["completed"]
        assert (heard[-1].name, heard[-1].metadata["error"]) == (
            "job.completed",
            "OSError: log is full",
        )

    @pytest.mark.parametrize(
        ("value", "complaint"), [(object(), "recorded: result: object"), ("x" * 65_600, "65602 b")]
    )
    def test_what_cannot_be_recorded_is_refused_at_once(
        self, value: object, complaint: str
    ) -> None:
        class Records(Worker[Recorded]):
            def perform(self, job: Job[Recorded]) -> None:
                job.record(value)

        with pytest.raises(InvalidJob, match=complaint):
            perform_job(Records, Recorded())


def test_a_requested_cancel_ends_what_the_job_did_not_decide(queue: Queue) -> None:
    ids = [insert(queue, Note(str(number))) for number in range(4)]
    with runner(queue) as one:
        rows = one.claim(4)
        with queue.engine.begin() as connection:
            control.cancel(connection, control.Filter(ids=tuple(ids)), reason="withdrawn")

        one.finish(rows[0])
        one.postpone(rows[1])
        one.release(rows[2], rescue=True)
        settler = Settler(queue.registry, one.id, lambda key: None)
        settler.add([Report(rows[3], settle(20, 20, Error("the last attempt failed")))])
        settler.send(one.store)()

    with queue.engine.connect() as connection:
        ended = [control.show_job(connection, job_id) for job_id in ids]
    assert [row and row["state"] for row in ended] == ["completed", *["cancelled"] * 3]
    assert [row and row["error"]["message"] for row in ended[1:]] == ["withdrawn"] * 3
    assert [row["outcome"] for row in attempts(queue)] == ["rescue", "error"]  # And what befell.


class TestSettler:
    """What a row that was not changed means."""

    def report(self, row: dict[str, object], state: JobState = JobState.COMPLETED) -> Report:
        return Report(row, Verdict(state, state.value, error=None))

    def test_a_settle_repeated_after_a_lost_reply_is_a_success(self, queue: Queue) -> None:
        """R4: found by (id, lease) in history, so it is not stale."""
        insert(queue, Note())
        with runner(queue) as one:
            row = one.claim()[0]
            one.finish(row)
            settler = Settler(queue.registry, one.id, lambda key: None)
            settler.add([self.report(row)])

            settler.send(one.store)()

        assert (settler.waiting, attempts(queue)) == ({}, [])

    def test_a_stale_result_is_rejected_and_kept_for_the_feed(self, queue: Queue) -> None:
        job_id = insert(queue, Note())
        with runner(queue) as one, runner(queue) as other:
            row = one.claim()[0]
            one.release(row)
            other.claim()
            settler = Settler(queue.registry, one.id, lambda key: None)
            settler.add([self.report(row)])

            settler.send(one.store)()

        with queue.engine.connect() as connection:
            feed = control.rejected(connection)
        assert [(row["job_id"], row["outcome"]) for row in feed] == [(job_id, "stale")]
        assert job(queue, job_id)["state"] == "executing"

    def test_a_locked_row_waits_for_the_next_turn(self, queue: Queue) -> None:
        job_id = insert(queue, Note())
        with runner(queue) as one:
            row = one.claim()[0]
            settler = Settler(queue.registry, one.id, lambda key: None)
            settler.add([self.report(row)])
            with queue.engine.begin() as other:
                other.exec_driver_sql("SELECT FROM queue.jobs FOR UPDATE")
                settler.send(one.store)()
                assert len(settler.waiting) == 1

            settler.send(one.store)()

        assert (settler.waiting, job(queue, job_id)["state"]) == ({}, "completed")

    def test_one_unstorable_verdict_stops_only_itself(self, queue: Queue) -> None:
        ids = [insert(queue, Note(str(number))) for number in range(3)]
        with runner(queue) as one:
            rows = one.claim(3)
            settler = Settler(queue.registry, one.id, lambda key: None)
            poison = Verdict(
                JobState.RETRYABLE, "error", 5.0, error={**describe("E", ""), "message": "\x00"}
            )
            settler.add([self.report(rows[0]), Report(rows[1], poison), self.report(rows[2])])

            settler.settle_one_by_one(one.store)

        assert [job(queue, job_id)["state"] for job_id in ids] == [
            "completed",
            "retryable",
            "completed",
        ]


def test_an_executor_outlives_a_worker_that_breaks_every_rule(queue: Queue) -> None:
    class Broken(Worker[Give]):
        def perform(self, job: Job[Give]) -> None:
            raise BrokenPipeError

        def timeout(self, job: Job[Give]) -> float:
            raise ZeroDivisionError

        def backoff(self, job: Job[Give], error: object) -> float:
            raise ZeroDivisionError

    broken = Queue(queue.database_url, queues={"default": 5}, workers=[Broken])
    insert(queue, Give("none"))
    with runner(broken) as one:
        row = one.claim()[0]

    report = Executor(broken.registry, sessions_of(queue.engine), "queue").execute(row)
    broken.engine.dispose()

    assert (report.verdict.state, report.verdict.error and report.verdict.error["kind"]) == (
        "retryable",
        "ZeroDivisionError",
    )
