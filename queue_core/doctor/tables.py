"""The tables: dead rows, indexes, who holds old snapshots, partitions, and may we vacuum."""

from collections.abc import Iterator

from queue_core.doctor.finding import Finding, Limits, ok, span, wrong
from queue_core.store import Row, Store

PARENTS = ("job_history", "job_attempts")
# Counting stops here: that many is as wrong as more.
STRAY_MAX = 100_001
MIB = 2**20


def hot_table(store: Store, limits: Limits) -> Iterator[Finding]:
    state = store.vacuum_state()[0]
    dead, live = state["dead"], state["live"]
    size = f"{live} rows, {dead} dead, {state['table_bytes'] / MIB:.1f} MiB"
    if dead > limits.dead_rows_max:
        yield wrong(
            "hot table",
            f"{size}: claims walk over the dead ones",
            "See `snapshots` and `vacuum`: either somebody holds them, or nobody vacuums. Then "
            f"VACUUM {store.schema}.jobs.",
            dead=dead,
            live=live,
        )
    else:
        yield ok("hot table", size, dead=dead, live=live)
    yield _privilege(store, state)


def _privilege(store: Store, state: Row) -> Finding:
    if state["may_vacuum"]:
        return ok("vacuum", "this role may vacuum the hot table")
    return wrong(
        "vacuum",
        "this role may not vacuum the hot table; autovacuum looks only once a minute",
        f"Let the workers' role own {store.schema}.jobs, or from PostgreSQL 17 "
        f"GRANT MAINTAIN ON {store.schema}.jobs TO it.",
    )


def indexes(store: Store, limits: Limits) -> Iterator[Finding]:
    sizes = {row["name"]: row["bytes"] for row in store.list_indexes()}
    total, live = sum(sizes.values()), store.vacuum_state()[0]["live"]
    message = f"{total / MIB:.1f} MiB for {live} jobs"
    allowed = max(limits.index_bytes_min, live * limits.index_bytes_per_job_max)
    if total > allowed:
        largest = max(sizes, key=lambda name: sizes[name])
        yield wrong(
            "indexes",
            f"{message}: swollen by churn that was not vacuumed, {largest} most",
            f"REINDEX TABLE CONCURRENTLY {store.schema}.jobs, after `hot table` is well.",
            sizes=sizes,
        )
    else:
        yield ok("indexes", message, sizes=sizes)


def snapshots(store: Store, limits: Limits) -> Iterator[Finding]:
    holders = store.list_snapshots()
    old = [row for row in holders if _is_old(row, limits)]
    for row in old:
        who = f"{row['holder']} {row['name'] or '(without a name)'}"
        age = "" if row["age_s"] is None else f" for {span(row['age_s'])}"
        yield wrong(
            "snapshots",
            f"{who}, pid {row['pid']}, {row['state']}, holds dead rows{age}"
            f" ({row['transactions']} transactions)",
            _advice(row),
            **{**row, "age_s": row["age_s"] and round(row["age_s"], 1)},
        )
    if not old:
        oldest = max((row["age_s"] or 0.0 for row in holders), default=0.0)
        yield ok("snapshots", f"the oldest is {span(oldest)} old", age_s=round(oldest, 1))


def _is_old(row: Row, limits: Limits) -> bool:
    # A slot has no age in seconds; an inactive one holds its rows until it is dropped.
    if row["age_s"] is None:
        return bool(row["holder"] == "replication slot" and row["state"] == "inactive")
    return bool(row["age_s"] > limits.snapshot_age_max_s)


def _advice(row: Row) -> str:
    if row["holder"] == "prepared transaction":
        return f"COMMIT PREPARED or ROLLBACK PREPARED '{row['name']}'."
    if row["holder"] == "replication slot":
        return f"Start its consumer, or SELECT pg_drop_replication_slot('{row['name']}')."
    return (
        f"End it when it is not needed: SELECT pg_terminate_backend({row['pid']}). Reports belong "
        "on a replica; idle_in_transaction_session_timeout ends forgotten ones."
    )


def partitions(store: Store, limits: Limits) -> Iterator[Finding]:
    rows = store.list_partitions()
    for parent in PARENTS:
        ages = [row["age_days"] for row in rows if row["parent"] == parent]
        ahead = max(0, -min(ages, default=0))
        if ahead < limits.partitions_ahead_min:
            yield wrong(
                "partitions",
                f"{parent} has daily partitions for {ahead} more days",
                "A leader makes seven ahead: look at `leader`, and for history.unready in its log. "
                "Nothing stops: jobs go to the DEFAULT partition meanwhile.",
                parent=parent,
                ahead_days=ahead,
            )
        else:
            yield ok("partitions", f"{parent}: {ahead} days ahead", parent=parent, ahead_days=ahead)


def stray_rows(store: Store, _limits: Limits) -> Iterator[Finding]:
    """While rows of a day lie in a DEFAULT partition, that day's own one cannot be made."""
    for row in store.count_stray_rows(limit=STRAY_MAX):
        if row["stray"]:
            yield wrong(
                "default partition",
                f"{row['stray']} rows of {row['parent']} had no partition of their day",
                "Retention deletes them, row by row instead of at once. See `partitions`, so that "
                "no more come.",
                **row,
            )
        else:
            yield ok("default partition", f"{row['parent']}: empty", **row)
