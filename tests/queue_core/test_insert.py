"""Inserting: in the caller's transaction, checked in the caller's face."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session, scoped_session, sessionmaker

import queue_core
from queue_core import InvalidJob, Queue, Unique, worker
from tests.queue_core.support import Note, Once, insert, job, jobs


def test_a_job_exists_exactly_if_its_transaction_committed(queue: Queue) -> None:
    with Session(queue.engine) as session:
        queue.insert(session, Note("kept"))
        session.commit()
        queue.insert(session, Note("gone"))
        session.rollback()

    assert [row["args"]["text"] for row in jobs(queue)] == ["kept"]


def test_sessions_scoped_sessions_and_connections_are_all_accepted(queue: Queue) -> None:
    scoped = scoped_session(sessionmaker(queue.engine))
    queue_core.insert(scoped, Note("scoped"))
    scoped.commit()
    scoped.remove()
    with queue.engine.begin() as connection:
        queue_core.insert(connection, Note("connection"))

    assert [row["args"]["text"] for row in jobs(queue)] == ["scoped", "connection"]


def test_declared_options_hold_and_calls_override_them(queue: Queue) -> None:
    job_id = insert(
        queue,
        Note("x"),
        queue="other",
        priority=2,
        tags=("vip",),
        meta={"trace": "t"},
        max_attempts=5,
    )

    row = job(queue, job_id)

    assert [
        row[name] for name in ("queue", "priority", "tags", "meta", "max_attempts", "state")
    ] == [
        "other",
        2,
        ["vip"],
        {"trace": "t"},
        5,
        "available",
    ]


@pytest.mark.parametrize("delay", [60, 60.0, timedelta(minutes=1)])
def test_a_job_for_later_is_scheduled(queue: Queue, delay: float | timedelta) -> None:
    row = job(queue, insert(queue, Note(), schedule_in=delay))

    assert row["state"] == "scheduled"
    assert row["scheduled_at"] - row["inserted_at"] == timedelta(minutes=1)


def test_a_time_in_the_past_is_available_at_once(queue: Queue) -> None:
    assert (
        job(queue, insert(queue, Note(), scheduled_at=datetime(2020, 1, 1, tzinfo=UTC)))["state"]
        == "available"
    )


def in_a_circle() -> list[object]:
    circle: list[object] = []
    circle.append(circle)
    return circle


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"queue": "nope"}, "queue 'nope' is unknown; known are default, other"),
        ({"prio": 1}, "unknown option 'prio'"),
        ({"scheduled_at": datetime(2026, 1, 1)}, "time zone"),  # noqa: DTZ001
        ({"schedule_in": "soon"}, "schedule_in must be seconds"),
        ({"schedule_in": float("inf")}, "within ten years"),
        ({"schedule_in": 1, "scheduled_at": datetime.now(UTC)}, "not both"),
        ({"meta": ["x"]}, "meta must be an object"),
        ({"max_attempts": 0}, "max_attempts"),
        ({"replace": ("args",)}, "replace needs unique"),
        ({"queue": 5}, "queue must be the name of one, not 5"),
        ({"queue": "a\x00"}, "queue must be the name of one"),
        ({"scheduled_at": datetime.max.replace(tzinfo=UTC)}, "in the years 1900 to 9000"),
        ({"unique": True}, r"unique must be a Unique\(…\) or None, not True"),
        ({"unique": Unique(), "replace": {"available": True}}, "replace must name fields"),
        ({"meta": {"a": in_a_circle()}}, "nested too deeply, or in a circle"),
    ],
)
def test_a_wrong_insert_stores_nothing(
    queue: Queue, options: dict[str, object], complaint: str
) -> None:
    with pytest.raises(InvalidJob, match=complaint):
        insert(queue, Note(), **options)

    assert jobs(queue) == []


def test_what_is_no_job_is_refused(queue: Queue) -> None:
    with pytest.raises(InvalidJob, match="str is no job"):
        insert(queue, "note")  # type: ignore[arg-type]


def test_bulk_inserts_keep_their_order_and_honour_uniqueness(queue: Queue) -> None:
    with queue.engine.begin() as connection:
        results = queue.insert_all(
            connection, [Note("a"), Once("x"), Once("x"), Note("b"), Once("y")]
        )

    assert [one.conflict for one in results] == [False, False, True, False, False]
    assert results[1].id == results[2].id
    assert [row["id"] for row in jobs(queue)] == sorted({one.id for one in results})


@pytest.mark.parametrize("others", [3, 2_500])
def test_one_unknown_queue_stores_none_of_a_bulk_insert(queue: Queue, others: int) -> None:
    """Also when the caller goes on and commits."""

    @worker(queue="nowhere")  # type: ignore[untyped-decorator]
    def stray(job: object) -> None:
        return None

    with queue.engine.begin() as connection:
        many = [Note(str(number)) for number in range(others)]
        with pytest.raises(InvalidJob, match="queue 'nowhere' is unknown; known are default"):
            queue.insert_all(connection, [*many, stray.new()])

    assert jobs(queue) == []


def test_thousands_of_rows_are_one_call(queue: Queue) -> None:
    with queue.engine.begin() as connection:
        results = queue.insert_all(connection, [Note(str(number)) for number in range(4_500)])

    assert [one.id for one in results] == sorted(one.id for one in results)
    assert queue.stats() == {"default": {"available": 4_500}}


def test_function_workers_are_inserted_by_their_arguments(queue: Queue) -> None:
    @worker(queue="other")  # type: ignore[untyped-decorator]
    def greet(job: object) -> None:
        return None

    row = job(queue, insert(queue, greet.new(name="Ada")))

    assert (row["kind"], row["queue"], row["args"]) == ("greet", "other", {"name": "Ada"})


def test_jobs_that_are_alike_are_stored_in_their_order_whatever_their_values(queue: Queue) -> None:
    texts = ["plain", "ä", 'a "quote"', "x" * 20_000, "y" * 20_000, *map(str, range(2500))]
    with Session(queue.engine) as session:
        stored = queue.insert_all(
            session,
            [Note(text) for text in texts],
            tags=("a", "b"),
            meta={"by": "hand"},
            priority=3,
            schedule_in=60,
        )
        session.commit()

    rows = {row["id"]: row for row in jobs(queue)}
    assert [rows[one.id]["args"]["text"] for one in stored] == texts
    assert [one.id for one in stored] == sorted(rows)
    assert {one.state for one in stored} == {row["state"] for row in rows.values()} == {"scheduled"}
    last = rows[stored[-1].id]
    assert (last["tags"], last["meta"], last["priority"]) == (["a", "b"], {"by": "hand"}, 3)


@pytest.mark.parametrize("wrong", ["nul \x00", "x" * 40_000, "\ud800", 2**5000, float("nan")])
def test_one_argument_that_cannot_be_stored_stops_a_bulk_insert(
    queue: Queue, wrong: object
) -> None:
    many = [Note("first"), *[Note("x")] * 2500, Note(wrong)]  # type: ignore[arg-type]  # as callers err
    with Session(queue.engine) as session:
        with pytest.raises(InvalidJob, match="note"):
            queue.insert_all(session, many)
        session.commit()

    assert jobs(queue) == []


def test_functions_of_one_class_are_not_taken_for_one_kind(queue: Queue) -> None:
    @worker(priority=1)  # type: ignore[untyped-decorator]  # `worker` is two decorators in one
    def one(_: object) -> None: ...

    @worker(priority=2)  # type: ignore[untyped-decorator]  # as above
    def two(_: object) -> None: ...

    with Session(queue.engine) as session:
        queue.insert_all(session, [one.new(n=1), two.new(n=2), one.new(n=3)])
        session.commit()

    assert [(row["kind"], row["priority"]) for row in jobs(queue)] == [
        ("one", 1),
        ("two", 2),
        ("one", 1),
    ]
