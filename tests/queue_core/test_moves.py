"""The state machine is one table: every SQL file names its moves, and what it does is compared
with them.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from queue_core import Queue, control, lease
from queue_core.lifecycle import FINISHED, MOVES, UNFINISHED, WAITING
from queue_core.store import SQL_FOLDER, Store
from queue_core.testing import ManualClock
from tests.queue_core.support import Once, execute, insert, runner, token

FILES = sorted(SQL_FOLDER.glob("*.sql"))
CHANGES_STATE = re.compile(r"\bstate = CASE|SET state|INSERT INTO \{schema\}\.(jobs|job_history) ")


def moves_of(file: Path) -> list[str]:
    found = re.search(r"^-- Moves: (.+)\.$", file.read_text(), re.MULTILINE)
    return found[1].split(", ") if found else []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_statement_opens_with_what_it_is_for(file: Path) -> None:
    lines = file.read_text().splitlines()
    header = lines[: next(at for at, one in enumerate(lines) if not one.startswith("--"))]

    assert 1 <= len(header) <= 7
    assert "Called by" in " ".join(header)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_statement_is_a_method_of_the_store(file: Path) -> None:
    assert file.stem in vars(Store)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_statement_that_changes_states_names_its_moves(file: Path) -> None:
    changes = bool(CHANGES_STATE.search(file.read_text()))

    assert bool(moves_of(file)) is changes
    assert set(moves_of(file)) <= set(MOVES)


def test_every_move_is_made_by_some_statement() -> None:
    assert {move for file in FILES for move in moves_of(file)} == set(MOVES)


@pytest.mark.parametrize(
    "file", [file for file in FILES if moves_of(file)], ids=lambda file: file.name
)
def test_the_states_in_a_statement_are_those_of_its_moves(file: Path) -> None:
    body = "\n".join(line for line in file.read_text().splitlines() if not line.startswith("--"))
    named = set(re.findall(r"'(\w+)'", body)) & {*UNFINISHED, *FINISHED}
    allowed = {state for move in moves_of(file) for side in MOVES[move] for state in side}
    # 'completed' as the outcome of a run in job_attempts, 'executing' as what an operator must not
    # touch.
    assert named <= allowed | {"executing", "completed"}


# Every way that a row takes: within the hot table, and from one half of a life to the other (a row
# leaves one table and enters the other in one statement: the two are joined by the job's id).
RECORD = """
CREATE TABLE IF NOT EXISTS moves (n bigserial, id bigint, left_state text, entered text);
DELETE FROM moves;
CREATE OR REPLACE FUNCTION record_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO moves (id, left_state, entered) VALUES (
        CASE TG_OP WHEN 'DELETE' THEN OLD.id ELSE NEW.id END,
        CASE WHEN TG_OP <> 'INSERT' THEN OLD.state END,
        CASE WHEN TG_OP <> 'DELETE' THEN NEW.state END);
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER record_move AFTER INSERT OR DELETE ON queue.jobs
FOR EACH ROW EXECUTE FUNCTION record_move();
CREATE OR REPLACE TRIGGER record_change AFTER UPDATE OF state ON queue.jobs
FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION record_move();
CREATE OR REPLACE TRIGGER record_move AFTER INSERT OR DELETE ON queue.job_history
FOR EACH ROW EXECUTE FUNCTION record_move();
"""
FORGET = """
DROP TRIGGER record_move ON queue.jobs;
DROP TRIGGER record_change ON queue.jobs;
DROP TRIGGER record_move ON queue.job_history;
DROP TABLE moves
"""


def test_what_happens_to_rows_is_in_the_table_and_the_table_is_no_wish(queue: Queue) -> None:
    """Both ways: nothing happens that is not in it, and what is in it happens."""
    legal = {(before, after) for froms, tos in MOVES.values() for before in froms for after in tos}
    legal |= {(None, after) for after in MOVES["insert"][1]}
    execute(queue, RECORD)
    try:
        for _ in range(2):
            _live_every_life(queue)
        seen = _seen(queue)
    finally:
        execute(queue, FORGET)

    assert seen <= legal
    # Waiting jobs that operators cancel, wake or change, in every state that they may wait in.
    rare: set[tuple[str | None, str]] = {
        (before, after) for before in WAITING for after in (*WAITING, "cancelled")
    }
    rare |= {(None, "suspended"), ("cancelled", "available")}
    assert legal - seen <= rare


def _seen(queue: Queue) -> set[tuple[str | None, str]]:
    with queue.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT id, left_state, entered FROM moves ORDER BY n")
        states: dict[int, str | None] = {}
        found = set()
        halves: dict[int, dict[str, str]] = {}
        for job_id, left, entered in rows:
            if left and entered:
                found.add((left, entered))
                states[job_id] = entered
                continue
            half = halves.setdefault(job_id, {})
            half.update({"left": left} if left else {"entered": entered})
            if job_id not in states and entered:
                found.add((None, half.pop("entered")))
                states[job_id] = entered
            elif len(half) == 2:
                found.add((half.pop("left"), half["entered"]))
                states[job_id] = half.pop("entered")
    return found


def _live_every_life(queue: Queue) -> None:
    with runner(queue) as one:
        insert(queue, Once("a"))
        one.postpone(one.claim()[0])
        insert(queue, Once("a"), wake=True)
        one.postpone(one.claim()[0], "scheduled", 60, refund=1)
        ManualClock(queue).advance(61)
        one.store.renew_workers(ids=[one.id], lease_s=60.0)
        one.store.stage_jobs(limit=10)
        one.release(one.claim()[0], rescue=True)
        row = one.claim()[0]
        insert(queue, Once("a"), wake=True)
        one.finish(row)
        row = one.claim()[0]
        with queue.engine.begin() as connection:
            assert lease.complete(connection, token(queue, row))
            control.retry(connection, row["id"])
        _unknown(queue, one)
        row = one.claim()[0]
        one.finish(row, "discarded")
        with queue.engine.begin() as connection:
            control.retry(connection, row["id"])
        row = one.claim()[0]
        with queue.engine.begin() as connection:
            control.cancel(connection, row["id"])
        one.postpone(row)
        later = insert(queue, Once("later"), schedule_in=60)
        insert(queue, Once("later"), replace=("scheduled_at",))
        with queue.engine.begin() as connection:
            control.cancel(connection, later)


def _unknown(queue: Queue, one: Any) -> None:
    execute(queue, "UPDATE queue.workers SET kinds = ARRAY['another']")
    one.store.suspend_unknown_kinds(limit=10, min_age_s=0.0)
    execute(queue, "UPDATE queue.workers SET kinds = ARRAY['once']")
    one.store.resume_known_kinds(limit=10)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ("state = 'executing', lease = 1, attempt = 1", "jobs_executing_has_owner"),
        ("worker_id = gen_random_uuid()", "jobs_executing_has_owner"),
        ("state = 'executing', worker_id = gen_random_uuid()", "jobs_executing_has_lease"),
        ("wake_requested_at = now()", "jobs_wake_only_while_executing"),
        ("state = 'completed'", "jobs_state_check"),
        ("unique_key = '\\x01'", "jobs_unique_key_has_states"),
        ("unique_key = '\\x01', unique_states = '{scheduled}'", "jobs_unique_key_only_in_its"),
        ("cancel_requested_at = now()", "jobs_cancel_only_while_executing"),
        ("rescues = -1", "jobs_counts_are_not_negative"),
        ("attempt = -1", "jobs_attempt_check"),
        ("priority = 10", "jobs_priority_check"),
    ],
)
def test_the_database_refuses_what_no_row_may_show(queue: Queue, change: str, check: str) -> None:
    insert(queue, Once("x"), unique=None)

    with pytest.raises(Exception, match=check):
        execute(queue, f"UPDATE queue.jobs SET {change}")
