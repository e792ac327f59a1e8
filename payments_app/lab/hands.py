"""What hands do to a running experiment: the same deeds for a story and for a person at a button.

A process is killed by the number that it told itself, and only if it is one of this run's nodes':
nothing here can reach a worker of the business.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from payments_app.lab import nodes as processes
from payments_app.lab.event import Lane
from payments_app.lab.mailbox import Mailbox
from payments_app.lab.nodes import Node
from payments_app.lab.processes import GatewayProcess
from payments_app.lab.recorder import Recorder
from payments_app.lab.shop import Shop

# Gateways keep their keys for a day: an hour more, and they are gone.
KEYS_FORGOTTEN_AFTER_S = 25 * 3600.0
ONE_CHARGE = {"op": ["create_charge", "confirm_intent"]}
ANSWERS: dict[str, dict[str, Any]] = {
    "500": {"when": "after", "do": "500"},
    "429": {"when": "before", "do": "429"},
    "drop": {"when": "after", "do": "drop"},
    "slow": {"when": "after", "do": "hang"},
}


@dataclass(frozen=True, slots=True)
class Held:
    """A worker process that stands at a point and waits to be let go on, or to be killed."""

    point: str
    node: str
    pid: int
    file: Path


@dataclass
class Hands:
    """Does it, and writes down that it is done."""

    nodes: Mapping[str, Node]
    gateway: GatewayProcess
    recorder: Recorder
    shop: Shop
    finished: bool = False
    mailbox: Mailbox | None = None

    def kill(self, node: str, pid: int) -> None:
        """SIGKILL: whatever that process knew is gone."""
        at_s = time.monotonic()
        processes.kill(pid)
        self.say(node, "kill", f"is killed: SIGKILL, process {pid}", at_s=at_s, pid=pid)

    def freeze(self, node: str) -> None:
        """The whole machine stands still; nothing on it can notice."""
        self.nodes[node].freeze()
        self.say(node, "freeze", "stands still: SIGSTOP to its whole machine")

    def wake(self, node: str) -> None:
        """It runs on, and does not know that it ever stood still."""
        self.say(node, "wake", "wakes up, and believes that no time has passed")
        self.nodes[node].wake()

    def release(self, held: Held) -> None:
        """Let it go on from where it stands."""
        self.say(held.node, "release", "is let go on", point=held.point)
        Path(f"{held.file}.go").touch()

    def forget_keys(self) -> None:
        """A day passes at the gateway: it keeps no idempotency key for longer."""
        self.recorder.synchronize()
        self.gateway.advance(KEYS_FORGOTTEN_AFTER_S)
        self.recorder.synchronize()
        text = "A day passes. The gateway forgets every idempotency key that it knew."
        self.recorder.note(Lane.GATEWAY, "clock", text)

    def next_answer(self, answer: str) -> None:
        """How the gateway treats the next request that charges."""
        rules = [{"match": ONE_CHARGE, "times": 1, **ANSWERS[answer]}] if answer != "ok" else []
        self.gateway.faults(rules)
        self.recorder.note(Lane.GATEWAY, "note", f"The next charge will be answered: {answer}.")

    def obey(self, press: Mapping[str, str], standing: Sequence[Held]) -> None:
        """One press of a button."""
        match press["verb"]:
            case "kill" | "freeze" | "wake" as verb:
                self._to_worker(verb, press["worker"])
            case "release":
                for held in standing:
                    self.release(held)
            case "duplicate":
                text = "The payment's job is inserted once more."
                self.shop.enqueue_again(next(iter(self.shop.purchases)), text)
            case "replay":
                if self.mailbox is not None:
                    self.mailbox.replay()
            case "next":
                self.next_answer(press["answer"])
            case "forget":
                self.forget_keys()
            case "finish":
                self.finished = True

    def say(
        self, node: str, kind: str, what: str, *, at_s: float | None = None, **detail: object
    ) -> None:
        worker, lane = self.recorder.sentences.name(node), self.recorder.sentences.lane(node)
        self.recorder.note(lane, kind, f"{worker} {what}.", at_s=at_s, detail=detail)

    def _to_worker(self, verb: str, lane: str) -> None:
        node = self.recorder.sentences.node_of(lane)
        if node is None:
            return  # It has not worked yet, so nobody knows which machine it is.
        if verb == "freeze":
            self.freeze(node)
        elif verb == "wake":
            self.wake(node)
        elif (pid := self.recorder.workers.get(node)) is not None:
            self.kill(node, pid)
