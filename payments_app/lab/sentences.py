"""One sentence for each thing that workers told: short, plain, and true without the picture.

A worker is called A or B by the order in which they touched the first job: which process the
queue gave it to is left to chance, and the story is the same.
"""

from collections.abc import Callable
from typing import Any

from payments_app.domain.money import Money
from payments_app.lab.event import Lane, Seen

CURRENCY = "USD"
JOB_NAMES = {
    "process_payment": "the payment's job",
    "process_refund": "the refund's job",
    "lab_refund": "a refund's job",
    "lab_event": "the webhook's job",
    "handle_gateway_event": "the webhook's job",
    "cancel_orphan_intent": "the job that cancels a spare intent",
}
QUIET_ENDS = frozenset({"handle_gateway_event", "lab_event", "cancel_orphan_intent"})
ENDS = frozenset({"job.completed", "job.failed", "job.snoozed", "job.cancelled", "job.discarded"})


def money(amount_minor: int | None) -> str:
    return str(Money(amount_minor or 0, CURRENCY))


class Sentences:
    """Turns a worker's lines into events, knowing who is A and who holds which job."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {}
        self._holder: dict[int, str] = {}
        self._mourned: set[int] = set()  # supervisors that have said whom they bury
        self.running: dict[tuple[int, int], int] = {}  # job and lease → the process that runs it

    def lane(self, node: str) -> Lane:
        """The column of this node: the first one that is asked about is A."""
        free = Lane.WORKER_A if not self._lanes else Lane.WORKER_B
        return self._lanes.setdefault(node, free)

    def node_of(self, lane: str) -> str | None:
        """The node that is shown in this column; None before it has done anything."""
        return next((node for node, own in self._lanes.items() if own == lane), None)

    def name(self, node: str) -> str:
        return "Worker A" if self.lane(node) is Lane.WORKER_A else "Worker B"

    def tell(self, at_s: float, line: dict[str, Any]) -> Seen | None:
        """The event of one line, or None when it tells nothing that a reader needs."""
        what = line["what"]
        self._follow(what, line)
        teller: Callable[[float, dict[str, Any]], Seen | None] | None = {
            "job.started": self._started,
            "job.stale": self._stale,
            "job.rescued": self._rescued,
            "worker.died": self._died,
            "database.lost": self._lost_database,
            "gateway.asked": self._asked,
            "gateway.answered": self._answered,
        }.get(what, self._ended if what in ENDS else None)
        return teller(at_s, line) if teller else None

    def _follow(self, what: str, line: dict[str, Any]) -> None:
        """Who still runs what: also a zombie, of which the queue knows nothing any more."""
        if what == "job.started":
            self.running[line["job"], line["lease"]] = line["pid"]
        elif what.startswith("job.") and "lease" in line:
            self.running.pop((line["job"], line["lease"]), None)

    def _started(self, at_s: float, line: dict[str, Any]) -> Seen | None:
        job, node, kind = line["job"], line["node"], line["kind"]
        name = JOB_NAMES.get(kind)
        if name is None:
            return None
        before, lease = self._holder.get(job), line["lease"]
        self._holder[job] = node
        worker = self.name(node)
        if before is not None and lease > 1:
            text = f"{worker} takes over {name}: lease {lease}; lease {lease - 1} is void."
        elif lease > 1:
            text = f"{worker} runs {name} again: lease {lease}."
        else:
            text = f"{worker} takes {name}: lease {lease}."
        return Seen(at_s, self.lane(node), "lease" if lease > 1 else "job", text, line)

    def _ended(self, at_s: float, line: dict[str, Any]) -> Seen | None:
        kind, job = line["kind"], line["job"]
        self._holder.pop(job, None)
        name = JOB_NAMES.get(kind)
        if name is None or (kind in QUIET_ENDS and line["what"] == "job.completed"):
            return None
        how = {
            "job.completed": f"{name} is done.",
            "job.failed": f"{name} failed ({_short(line.get('error'))}), and will be tried again.",
            "job.snoozed": f"{name} waits {line.get('delay_s', 0):.0f} s.",
            "job.cancelled": f"{name} is cancelled.",
            "job.discarded": f"{name} is given up.",
        }[line["what"]]
        text = how[0].upper() + how[1:]
        return Seen(at_s, self.lane(line["node"]), "job", text, line)

    def _stale(self, at_s: float, line: dict[str, Any]) -> Seen:
        worker = self.name(line["node"])
        text = f"{worker} comes too late: its lease is lost, so the queue takes no result from it."
        return Seen(at_s, self.lane(line["node"]), "lease", text, line)

    def _rescued(self, at_s: float, line: dict[str, Any]) -> Seen | None:
        if line["pid"] in self._mourned:
            return None
        text = "The queue takes the job from a worker that does not answer: its lease has run out."
        return Seen(at_s, self.lane(line["node"]), "lease", text, line)

    def _died(self, at_s: float, line: dict[str, Any]) -> Seen | None:
        self._mourned.add(line["pid"])
        if line["node"] not in self._lanes:
            return None
        worker = self.name(line["node"])
        text = f"{worker}'s supervisor finds it dead, gives its job back, and starts another."
        return Seen(at_s, self.lane(line["node"]), "job", text, line)

    def _lost_database(self, at_s: float, line: dict[str, Any]) -> Seen | None:
        if line["node"] not in self._lanes:
            return None
        text = f"{self.name(line['node'])} has lost a connection to the database."
        return Seen(at_s, self.lane(line["node"]), "fault", text, line)

    def _asked(self, at_s: float, line: dict[str, Any]) -> Seen:
        lane = self.lane(line["node"])
        text = f"{self.name(line['node'])} asks the gateway {question(line)}"
        return Seen(at_s, lane, "call", text, line, source=lane, target=Lane.GATEWAY)

    def _answered(self, at_s: float, line: dict[str, Any]) -> Seen:
        lane, worker, told = self.lane(line["node"]), self.name(line["node"]), line["told"]
        text = (
            f"No answer reaches {worker} ({told}): it cannot know what happened."
            if line["lost"]
            else f"{worker} hears: {told}."
        )
        reply = Seen(at_s, lane, "reply", text, line, source=Lane.GATEWAY, target=lane)
        return Seen(*_fields(reply, lost=bool(line["lost"])))


def question(line: dict[str, Any]) -> str:
    """What a worker asks, as the end of a sentence."""
    key = f"with the key {_key(line['key'])}" if line.get("key") else "without any key"
    match line["op"]:
        case "create_charge":
            return f"to charge {money(line['amount_minor'])}, {key}."
        case "create_intent":
            return f"to prepare an intent of {money(line['amount_minor'])}; no money moves."
        case "confirm_intent":
            return f"to charge that intent, {key}."
        case "get_intent":
            return "how the intent stands, before it does anything else."
        case "cancel_intent":
            return "to cancel the intent: the fence."
        case "create_refund":
            return f"to give back {money(line['amount_minor'])}, {key}."
        case "list_refunds":
            return "which refunds it has, before it asks for one again."
        case op:
            return f"for {op}."


def _key(key: str) -> str:
    """``att:…1f2e:confirm``: ids are long, and only their ends differ."""
    return ":".join(part if len(part) <= 12 else f"…{part[-4:]}" for part in key.split(":"))


def _short(error: object) -> str:
    text = " ".join(str(error or "an error").split())
    return text if len(text) <= 80 else f"{text[:79]}…"


def _fields(seen: Seen, *, lost: bool) -> tuple[Any, ...]:
    kept = (seen.at_s, seen.lane, seen.kind, seen.text, seen.detail, seen.source, seen.target)
    return (*kept, lost)
