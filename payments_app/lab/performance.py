"""One run: a database, a gateway and two machines of its own, a story, and what came of it.

Whatever the story does, everything it started is stopped afterwards. The record says what was
expected before anything ran; the verdict is read from the journal and the tables when all is still.
"""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from payments_app.db import make_engine
from payments_app.lab import moments, scoreboard
from payments_app.lab.console import Console
from payments_app.lab.databases import Databases
from payments_app.lab.event import Lane
from payments_app.lab.nodes import Node, Nursery
from payments_app.lab.processes import GatewayProcess
from payments_app.lab.recorder import Recorder
from payments_app.lab.rest import rest
from payments_app.lab.scenario import Scenario
from payments_app.lab.sources import Books, Journal, WitnessFiles
from payments_app.lab.stage import DidNotHappen, Stage, TimedOut

RUN_LIMIT_S = 60.0
NODES = ("north", "south")
GATEWAY_TIMEOUT_S = 1.0
# A zombie that learns that it is one still has this long to do its harm.
SHUTDOWN_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Tools:
    """What is shared between runs, because it takes long to start."""

    databases: Databases
    nursery: Nursery


@dataclass(frozen=True, slots=True)
class Performance:
    """One run, about to be played. ``run`` is its record so far."""

    tools: Tools
    gateway: GatewayProcess
    folder: Path
    run: Mapping[str, Any]
    scenario: Scenario
    recorder: Recorder

    def play(self) -> dict[str, Any]:
        """Play it to its end; the fields by which its record is completed."""
        deadline_s = time.monotonic() + RUN_LIMIT_S
        with ExitStack() as held:
            self.gateway.reset(self.scenario.rules)
            url = held.enter_context(self.tools.databases.clone(str(self.run["id"])))
            engine = make_engine(url, application_name="lab")
            held.callback(engine.dispose)
            nodes = {}
            for name in NODES:
                nodes[name] = self.tools.nursery.start_node(self._order(name, url))
                held.callback(nodes[name].stop)
            held.callback(self.recorder.stop)
            self.recorder.start(WitnessFiles(self.folder), Journal(self.gateway), Books(engine))
            return self._play(self._stage(engine, nodes, deadline_s))

    def _stage(self, engine: Engine, nodes: Mapping[str, Node], deadline_s: float) -> Stage:
        return Stage(
            processor=str(self.run["processor"]),
            seed=int(self.run["seed"]),
            options=self.run.get("options") or {},
            gateway=self.gateway,
            engine=engine,
            folder=self.folder,
            recorder=self.recorder,
            nodes=nodes,
            console=Console(self.folder),
            deadline_s=deadline_s,
        )

    def _play(self, stage: Stage) -> dict[str, Any]:
        inconclusive: str | None = None
        try:
            self.scenario.story(stage)
            rest(stage)
        except (DidNotHappen, TimedOut) as error:
            inconclusive = f"The fault did not fire: {error}."
        for node in stage.nodes.values():
            node.stop()
        stage.recorder.synchronize()
        scores, outcome = scoreboard.take(
            stage.engine,
            stage.recorder.journal,
            stage.shop.purchases,
            refunds_wanted=stage.shop.wanted_refunds,
        )
        said = scoreboard.verdict(outcome) if inconclusive is None else "inconclusive"
        text = inconclusive or f"Verdict: {said}."
        stage.recorder.note(Lane.CUSTOMER, "verdict", text)
        return {
            "verdict": said,
            "as_expected": said == self.run["expected"],
            "ok": inconclusive is None and all(score.ok for score in scores),
            "inconclusive": inconclusive,
            "captures": outcome.captures,
            "captured_minor": outcome.captured_minor,
            "scoreboard": [score.as_json() for score in scores],
            **({"marks": outcome.marks} if len(outcome.marks) > scoreboard.MANY else {}),
            **stage.told,
        }

    def _order(self, name: str, url: str) -> dict[str, Any]:
        """What one node is told."""
        settings = {
            "APP_ENV": "test",
            "DATABASE_URL": url,
            "DATA_DIR": str(self.folder),
            "GATEWAY_URL": self.gateway.url,
            "GATEWAY_API_KEY": self.gateway.api_key,
            "GATEWAY_TIMEOUT_SECONDS": str(GATEWAY_TIMEOUT_S),
            "LEASE_SECONDS": str(self.scenario.lease_s),
            "SHUTDOWN_TIMEOUT_SECONDS": str(SHUTDOWN_TIMEOUT_S),
        }
        queues = {"payments": self.scenario.jobs_at_once, "webhooks": 2, "emails": 1}
        return {
            "node": name,
            "settings": settings,
            "processor": self.run["processor"],
            "plan": self._plan(name),
            "queues": queues,
            "witness": str(self.folder / f"witness-{name}.jsonl"),
            "log": str(self.folder / f"node-{name}.log"),
        }

    def _plan(self, node: str) -> dict[str, dict[str, Any]]:
        """Where workers of this node are held: by the scenario, or as somebody wished."""
        plan = {}
        for hold in self.scenario.holds:
            point, nth = moments.checkpoint(str(self.run["processor"]), hold.moment)
            mark = f"hold-{point}-{node}" if hold.each else f"hold-{point}"
            plan[point] = {"do": "hold", "nth": nth, "file": str(self.folder / mark)}
        for point, nth in (self.run.get("options") or {}).get("holds", {}).items():
            plan[point] = {"do": "hold", "nth": nth, "file": str(self.folder / f"hold-{point}")}
        return plan
