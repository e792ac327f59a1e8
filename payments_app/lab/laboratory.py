"""The lab's front door: what is there, start a run, follow it, read it. One per process.

Pages, commands and tests use this and nothing behind it. A run is played in a thread of its own; it
is written to files as it happens, so that whoever follows it does not need this object, or even
this process. What takes long to start (libraries, a gateway, the template) is started once and kept
warm.
"""

import logging
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import mkdtemp
from typing import Any

from payments_app.config import Config
from payments_app.lab import catalogue, provenance
from payments_app.lab.console import Console
from payments_app.lab.databases import Databases
from payments_app.lab.event import LANES, Lane
from payments_app.lab.nodes import Nursery
from payments_app.lab.performance import Performance, Tools
from payments_app.lab.processes import GatewayProcess
from payments_app.lab.recorder import Recorder
from payments_app.lab.records import Records
from payments_app.lab.scenario import DEFAULT_SEED, Scenario

logger = logging.getLogger(__name__)
# Columns that are played side by side. More would make each slower than its limits allow.
PROCESSORS_MAX = 4


class Busy(Exception):
    """The user has a run under way; ``run_id`` is it."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"Another run of yours is under way: {run_id}.")
        self.run_id = run_id


class RecordedOnly(Exception):
    """No run can be made here. The message says why; recorded runs can be read."""


def laboratory_for(config: Config, server_url: Callable[[], str]) -> "Laboratory":
    """The lab of an application: recorded runs only in production, where nobody charges wrongly."""
    reason = "This is a production deployment: it shows runs that were recorded elsewhere."
    return Laboratory(
        config.data_dir / "lab", server_url, read_only=reason if config.is_production else None
    )


class Laboratory:
    """``Laboratory(folder, server_url)``. Starts nothing until a run is asked for."""

    def __init__(
        self, folder: Path, server_url: Callable[[], str], *, read_only: str | None = None
    ) -> None:
        self.folder = folder
        self.records = Records(folder / "runs")
        self._server_url = server_url
        self._read_only = read_only
        self._lock = threading.Lock()
        self._tools: Tools | None = None
        self._free: SimpleQueue[GatewayProcess] = SimpleQueue()
        self._gateways: list[GatewayProcess] = []
        self._under_way: dict[str, str] = {}  # run → user
        self._threads: dict[str, threading.Thread] = {}

    def why_recorded_only(self) -> str | None:
        """Why no run can be made here, in words for a page; None when one can."""
        return self._read_only or Databases(self._server_url()).why_not()

    def refuse_if_recorded_only(self) -> None:
        """Raises RecordedOnly, with the reason, where no run can be made."""
        reason = self.why_recorded_only()
        if reason is not None:
            raise RecordedOnly(reason)

    def now(self) -> datetime:
        """The time by the server on which the runs are made."""
        return Databases(self._server_url()).now()

    def warm(self) -> None:
        """Start in the background what a first run would wait for. Safe to call often."""
        if self._tools is None and self._read_only is None:
            threading.Thread(target=self._warm, name="lab-warm", daemon=True).start()

    def start(
        self,
        scenario: str | Scenario,
        processors: Sequence[str],
        *,
        seed: int = DEFAULT_SEED,
        user: str = "",
        options: Mapping[str, Any] | None = None,
    ) -> list[str]:
        """Begin a run for each processor, side by side; their ids, in order.

        Raises KeyError for an unknown scenario or processor, Busy, RecordedOnly.
        """
        played = scenario if isinstance(scenario, Scenario) else catalogue.BY_ID[scenario]
        for name in processors:
            if ":" not in name and name not in played.expected:
                raise KeyError(name)
        self.refuse_if_recorded_only()
        with self._lock:
            self._refuse_second(user)
            wish = {"seed": seed, "user": user, "options": dict(options or {})}
            ids = [self._create(played, name, wish) for name in processors]
        for run_id in ids:
            self.records.update(run_id, beside=[other for other in ids if other != run_id])
            self._launch(run_id, played)
        return ids

    def wait(self, run_ids: Sequence[str], timeout_s: float | None = None) -> list[dict[str, Any]]:
        """The records when the runs have ended."""
        for run_id in run_ids:
            thread = self._threads.get(run_id)
            if thread is not None:
                thread.join(timeout_s)
        return [self.records.run(run_id) for run_id in run_ids]

    def control(self, run_id: str, verb: str, **given: str) -> None:
        """Press a button of a run that is under way: see ``console.VERBS``.

        Raises UnknownRun, UnknownCommand. A run that has ended obeys nobody.
        """
        self.records.run(run_id, with_events=False)
        Console(self.records.folder(run_id)).press(verb, **given)

    def close(self) -> None:
        """End everything that was started. Runs under way are cut off."""
        with self._lock:
            tools, self._tools = self._tools, None
            gateways, self._gateways = self._gateways, []
        if tools is not None:
            tools.nursery.close()
        for gateway in gateways:
            gateway.__exit__(None, None, None)
            shutil.rmtree(gateway.folder, ignore_errors=True)

    def _refuse_second(self, user: str) -> None:
        for run_id, owner in self._under_way.items():
            if owner == user:
                raise Busy(run_id)

    def _create(self, scenario: Scenario, processor: str, wish: Mapping[str, Any]) -> str:
        expected = scenario.expected.get(processor)
        run_id = self.records.create(
            {
                "scenario": scenario.id,
                "title": scenario.title,
                "processor": processor,
                **wish,
                "commit": provenance.commit(),
                "started_at": self.now().isoformat(),
                "status": "running",
                "lanes": [{"id": str(lane), "name": name} for lane, name in LANES],
                "expected": expected and expected.verdict,
                "verdict": None,
                "as_expected": None,
                "ok": None,
                "inconclusive": None,
                "captures": None,
                "captured_minor": None,
                "scoreboard": [],
                "beside": [],
            }
        )
        self._under_way[run_id] = str(wish["user"])
        return run_id

    def _launch(self, run_id: str, scenario: Scenario) -> None:
        thread = threading.Thread(
            target=self._run, args=(run_id, scenario), name=run_id, daemon=True
        )
        self._threads[run_id] = thread
        thread.start()

    def _run(self, run_id: str, scenario: Scenario) -> None:
        recorder = Recorder(lambda events: self.records.append(run_id, events))
        with self.records.under_way(run_id):
            text = "A database, a gateway and two machines are made for this run alone."
            recorder.note(Lane.CUSTOMER, "note", text)
            recorder.flush()
            try:
                ended = self._perform(run_id, scenario, recorder)
            except Exception as error:
                logger.exception("run %s failed", run_id)
                ended = {"status": "failed", "verdict": "inconclusive", "as_expected": False}
                ended |= {"ok": False, "inconclusive": f"The lab itself failed: {error}"}
            took_ms = round(recorder.elapsed_s * 1000)
            self.records.update(run_id, **{"status": "ended", "took_ms": took_ms, **ended})
        with self._lock:
            self._under_way.pop(run_id, None)
            self._threads.pop(run_id, None)
        self.records.clean(self.now())

    def _perform(self, run_id: str, scenario: Scenario, recorder: Recorder) -> dict[str, Any]:
        tools, gateway = self._warm(), self._gateway()
        try:
            run = self.records.run(run_id, with_events=False)
            folder = self.records.folder(run_id)
            return Performance(tools, gateway, folder, run, scenario, recorder).play()
        finally:
            self._free.put(gateway)

    def _warm(self) -> Tools:
        with self._lock:
            if self._tools is None:
                databases = Databases(self._server_url())
                self._tools = Tools(databases, Nursery())
                databases.template()
                databases.clean()
                self.records.clean(databases.now())
            elif not self._tools.nursery.is_alive:
                self._tools = Tools(self._tools.databases, Nursery())
            return self._tools

    def _gateway(self) -> GatewayProcess:
        """A free gateway, or a new one: its folder goes with the machine's other scratch files."""
        try:
            return self._free.get_nowait()
        except Empty:
            gateway = GatewayProcess(Path(mkdtemp(prefix="lab-gateway-"))).__enter__()
            with self._lock:
                self._gateways.append(gateway)
            return gateway
