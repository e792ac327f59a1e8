"""The verbs of a story: pay, wait until a worker is held, kill it, freeze it, let it go on.

Everything here is done to real processes, and each deed is written down when it is done. A story
that waits in vain for its fault ends as inconclusive: what did not happen proves nothing.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session, sessionmaker

from payments_app.lab import dice
from payments_app.lab.console import Console
from payments_app.lab.event import Lane
from payments_app.lab.hands import Hands, Held
from payments_app.lab.moments import IDEMPOTENT, checkpoint
from payments_app.lab.nodes import Node
from payments_app.lab.processes import GatewayProcess
from payments_app.lab.recorder import Recorder
from payments_app.lab.shop import Shop

LOOK_EVERY_S = 0.02
HELD_TIMEOUT_S = 25.0

_CUT = text((Path(__file__).parent / "sql" / "cut.sql").read_text(encoding="utf-8"))


class DidNotHappen(Exception):
    """The fault of this run did not fire, so the run says nothing. The message says which."""


class TimedOut(Exception):
    """The run is over: a run may take 60 seconds, and no longer."""


@dataclass
class Stage:
    """What a story has in hand. ``deadline_s`` is by the machine's monotonic clock."""

    processor: str
    seed: int
    gateway: GatewayProcess
    engine: Engine
    folder: Path
    recorder: Recorder
    nodes: Mapping[str, Node]
    console: Console
    deadline_s: float
    options: Mapping[str, Any] = field(default_factory=dict)
    # What the story adds to the record of its run.
    told: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sessions: sessionmaker[Session] = sessionmaker(self.engine, expire_on_commit=False)
        self.shop = Shop(self.sessions, self.recorder, self.processor)
        self.hands = Hands(self.nodes, self.gateway, self.recorder, self.shop)
        self._met: set[Path] = set()

    @property
    def is_ours(self) -> bool:
        """Whether it is our protocol: the processor, or a build of it with a bug in it."""
        return self.processor == IDEMPOTENT or ":" in self.processor

    def held(self, moment: str, *, but: Held | None = None) -> Held:
        """Wait until a worker stands at this moment of its code; another one than ``but``."""
        point, _ = checkpoint(self.processor, moment)
        found: list[Held] = []

        def look() -> bool:
            found[:] = [each for each in self._markers(point) if each.file not in self._met]
            return bool(found)

        self.until(look, f"no worker reached “{moment}”", timeout_s=HELD_TIMEOUT_S)
        self._met.add(found[0].file)
        if but is not None and found[0].node == but.node:
            raise DidNotHappen("one worker did the work of both")
        self.hands.say(found[0].node, "hold", "is held here", point=point)
        return found[0]

    def greet(self) -> None:
        """Write down who stands somewhere since the last look: in free play nobody waits for it."""
        for held in self._standing():
            if held.file not in self._met:
                self._met.add(held.file)
                self.hands.say(held.node, "hold", f"is held at {held.point}", point=held.point)

    def release(self, held: Held) -> None:
        """Let it go on from where it stands."""
        self.hands.release(held)

    def release_in_any_order(self, first: Held, second: Held) -> None:
        """Both go on at once; who of them is a moment earlier is what the seed decides."""
        order = [first, second] if dice.draw(self.seed, "order") < 0.5 else [second, first]
        for held in order:
            self.release(held)

    def kill(self, held: Held) -> None:
        """SIGKILL: whatever it knew is gone."""
        self.hands.kill(held.node, held.pid)

    def freeze(self, held: Held) -> None:
        self.hands.freeze(held.node)

    def wake(self, held: Held) -> None:
        self.hands.wake(held.node)

    def let_all_go_on(self) -> None:
        """Wake every machine and let every worker go on: what comes now comes by itself."""
        for node in self.nodes.values():
            if node.is_frozen:
                self.hands.wake(node.name)
        for held in self._standing():
            self.hands.release(held)

    def forget_keys(self) -> None:
        self.hands.forget_keys()

    def cut_open_transactions(self) -> int:
        """End every connection that is in the middle of a transaction; how many that were."""
        with self.engine.connect() as connection:
            cut = int(connection.execute(_CUT).scalar_one())
        said = "The connection to the database is cut, in the middle of the transaction."
        self.recorder.note(Lane.BOOKS, "fault", said)
        return cut

    def ended(self, payment_id: str) -> None:
        """Wait until our books say that this payment is over, one way or another."""
        final = {"completed", "failed", "cancelled"}
        self.until(lambda: self.shop.status(payment_id) in final, "the payment did not end")

    def faults_fired(self, count: int) -> None:
        """Wait until the gateway has misbehaved so often."""
        self.until(lambda: self.gateway.faults_fired() >= count, "the gateway did not misbehave")

    def until(self, fact: Callable[[], bool], else_: str, *, timeout_s: float = 45.0) -> None:
        """Wait for a fact. DidNotHappen when it does not come; TimedOut when the run is over."""
        give_up_s = time.monotonic() + timeout_s
        while not fact():
            for press in self.console.new():
                self.hands.obey(press, self._standing())
            now_s = time.monotonic()
            if now_s > self.deadline_s:
                raise TimedOut(else_)
            if now_s > give_up_s:
                raise DidNotHappen(else_)
            threading.Event().wait(LOOK_EVERY_S)

    def _standing(self) -> list[Held]:
        """Workers that are held now, wherever that is."""
        points = {file.name.split("-")[1] for file in self.folder.glob("hold-*")}
        held = [each for point in sorted(points) for each in self._markers(point)]
        return [each for each in held if not Path(f"{each.file}.go").exists()]

    def _markers(self, point: str) -> list[Held]:
        """Workers that stand at the point, as their marker files say."""
        found = []
        for file in sorted(self.folder.glob(f"hold-{point}*")):
            words = file.read_text().split() if file.suffix != ".go" else []
            pid = int(words[1]) if len(words) > 1 else 0
            if pid in self.recorder.pids:
                found.append(Held(point, self.recorder.pids[pid], pid, file))
        return found
