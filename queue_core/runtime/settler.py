"""Writes what runs led to, in batches, fenced; finds out what a missing row means.

A row that a settle did not change is one of three things: locked by somebody (say it again),
settled before by this very lease (the reply to an earlier try was lost: success), or stale
(another runner owns the job: rejected, counted, kept for the operator's feed). A batch that the
database refuses is repeated row by row, so that one poisonous value stops only itself.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import islice

import psycopg

from queue_core import checkpoints, telemetry
from queue_core.lifecycle import FINISHED, describe
from queue_core.registry import Registry
from queue_core.runtime.judge import result_json
from queue_core.runtime.report import Report
from queue_core.store import Row, Store, number_array, text_array

# Names of events by what a run led to.
_EVENT_OF_OUTCOME = {
    "completed": "job.completed",
    "cancelled": "job.cancelled",
    "discarded": "job.discarded",
    "error": "job.failed",
    "snooze": "job.snoozed",
    "interrupted": "job.interrupted",
}
BATCH_MAX = 1000
Key = tuple[int, int]
_Fetch = Callable[[], dict[Key, str]]  # The states that were written.


class Settler:
    """Holds the reports of a process until the database has them."""

    def __init__(
        self, registry: Registry, worker_id: object, forget: Callable[[Iterable[Key]], None]
    ) -> None:
        self._registry = registry
        self._worker_id = worker_id
        self._forget = forget
        self.waiting: dict[Key, Report] = {}

    def add(self, reports: Iterable[Report]) -> None:
        for report in reports:
            if report.settled:
                # Whatever perform gave or raised afterwards, the job is done.
                self._forget([report.key])
                self._emit("job.completed", report)
            else:
                self.waiting[report.key] = report

    @property
    def is_plain(self) -> bool:
        """Whether complete_jobs will do for the next batch."""
        return all(report.is_plain for report in self._batch())

    def _batch(self) -> list[Report]:
        return list(islice(self.waiting.values(), BATCH_MAX))

    def send(self, store: Store) -> "Callable[[], set[str]]":
        """Starts the statements of one batch (within a pipeline) and returns how to take in their
        answers.
        """
        batch = self._batch()
        fetches = self._send(store, batch)
        return lambda: self._take_in(store, batch, fetches)

    def settle_one_by_one(self, store: Store) -> None:
        """After a refused batch: the row that is refused again gets an error that PostgreSQL can
        hold.
        """
        for report in self._batch():
            try:
                fetches = self._send(store, [report])
            except (psycopg.DataError, psycopg.IntegrityError) as error:
                wrong = describe("UnstorableOutcome", f"the database refused the outcome: {error}")
                report.verdict = replace(report.verdict, error=wrong, result=None, delay_s=60.0)
                fetches = self._send(store, [report])
            self._take_in(store, [report], fetches)

    def _send(self, store: Store, batch: list[Report]) -> list[_Fetch]:
        plain = [report for report in batch if report.is_plain]
        others = [report for report in batch if not report.is_plain]
        ended = [report for report in others if report.verdict.state in FINISHED]
        postponed = [report for report in others if report.verdict.state not in FINISHED]
        fetches: list[_Fetch] = []
        if plain:
            fetches.append(_send_plain(store, [report.key for report in plain]))
        if ended:
            fetches.append(self._send_ended(store, ended))
        if postponed:
            fetches.append(self._send_postponed(store, postponed))
        return fetches

    def _send_ended(self, store: Store, ended: list[Report]) -> _Fetch:
        fetch = store.send(
            "finish_jobs",
            ids=number_array(report.row["id"] for report in ended),
            leases=number_array(report.row["lease"] for report in ended),
            states=number_array(report.verdict.state for report in ended),
            errors=_unless_empty([report.error_json for report in ended]),
            results=_unless_empty([self._result(report) for report in ended]),
            yields=number_array(report.verdict.yields_to_cancel for report in ended),
        )
        return lambda: _states(fetch())

    def _send_postponed(self, store: Store, postponed: list[Report]) -> _Fetch:
        fetch = store.send(
            "postpone_jobs",
            ids=[report.row["id"] for report in postponed],
            leases=[report.row["lease"] for report in postponed],
            states=[report.verdict.state.value for report in postponed],
            delays_s=[report.verdict.delay_s for report in postponed],
            refunds=[int(report.verdict.refund) for report in postponed],
            snoozes=[int(report.verdict.snoozed) for report in postponed],
            outcomes=[report.verdict.outcome for report in postponed],
            errors=[report.error_json for report in postponed],
            worker_id=self._worker_id,
        )
        return lambda: _states(fetch())

    def _result(self, report: Report) -> str | None:
        if report.verdict.result is None:
            return None
        return result_json(self._registry.find(report.row["kind"]), report.verdict)

    def _take_in(self, store: Store, batch: list[Report], fetches: list[_Fetch]) -> set[str]:
        """Drops what is written, judges what is not; returns the queues that have new available
        jobs.
        """
        if not batch:
            return set()
        written: dict[Key, str] = {}
        for fetch in fetches:
            written.update(fetch())
        checkpoints.reach("settle.committed")
        done = [report for report in batch if report.key in written]
        self._drop(done)
        if any(map(telemetry.is_heard, _EVENT_OF_OUTCOME.values())):
            for report in done:
                self._tell(report, written[report.key])
        if len(done) < len(batch):
            self._judge_missing(store, [one for one in batch if one.key not in written])
        return {one.row["queue"] for one in done if written[one.key] == "available"}

    def _judge_missing(self, store: Store, missing: list[Report]) -> None:
        rows = store.find_settled(
            ids=[one.row["id"] for one in missing], leases=[one.row["lease"] for one in missing]
        )
        found = {(row["id"], row["lease"]): row["found"] for row in rows}
        stale = [report for report in missing if report.key not in found]
        for report in missing:
            if found.get(report.key) == "executing":
                report.tries += 1
                continue
            self._drop([report])
            if report.key in found:
                self._tell(report, report.verdict.state)
        if stale:
            store.note_stale(
                ids=[report.row["id"] for report in stale],
                leases=[report.row["lease"] for report in stale],
                attempts=[report.row["attempt"] for report in stale],
                errors=[
                    json.dumps(describe("Stale", f"came as {one.verdict.outcome}")) for one in stale
                ],
                worker_id=self._worker_id,
            )
            for report in stale:
                self._emit("job.stale", report)

    def _drop(self, reports: list[Report]) -> None:
        keys = [report.key for report in reports]
        for key in keys:
            del self.waiting[key]
        self._forget(keys)

    def _tell(self, report: Report, state: str) -> None:
        # A cancel that was requested during the run may have changed the end: say what is stored.
        outcome = "cancelled" if state == "cancelled" else report.verdict.outcome
        self._emit(_EVENT_OF_OUTCOME[outcome], report)

    def _emit(self, name: str, report: Report) -> None:
        if not telemetry.is_heard(name):
            return
        row, verdict = report.row, report.verdict
        measurements = {"duration_s": report.duration_s}
        if "waited_s" in row:
            measurements["wait_s"] = row["waited_s"]
        if verdict.delay_s:
            measurements["delay_s"] = verdict.delay_s
        detail = (
            {}
            if verdict.error is None
            else {"error": f"{verdict.error['kind']}: {verdict.error['message']}"}
        )
        telemetry.emit(
            name,
            measurements,
            job=row["id"],
            kind=row["kind"],
            queue=row["queue"],
            attempt=row["attempt"],
            lease=row["lease"],
            **detail,
        )


def _send_plain(store: Store, keys: list[Key]) -> _Fetch:
    fetch = store.send(
        "complete_jobs",
        ids=number_array([job_id for job_id, _ in keys]),
        leases=number_array([lease for _, lease in keys]),
    )

    def written() -> dict[Key, str]:
        row = fetch()[0]
        done = keys if row["ids"] is None else zip(row["ids"], row["leases"], strict=True)
        return dict.fromkeys(done, "completed")

    return written


def _states(rows: list[Row]) -> dict[Key, str]:
    return {(row["id"], row["lease"]): row["state"] for row in rows}


def _unless_empty(texts: list[str | None]) -> str | None:
    """Nothing for nothing: unnest fills up what is shorter."""
    return text_array(texts) if any(texts) else None
