"""What a worker process of the lab tells: one JSON line for each thing that it saw, as it saw it.

The picture of a run is drawn from these lines, from the gateway's journal and from the tables, and
from nothing else. A line is one write to a file opened for appending, so it survives the SIGKILL
that may follow it, and lines of several processes never mix. Times are of the machine's monotonic
clock, which all processes share.
"""

import json
import os
import time
from pathlib import Path

from payments_app.gateway.port import (
    Busy,
    Gateway,
    Instruction,
    IntentSeen,
    NotSent,
    Observation,
    Rejected,
    Unknown,
    WrongState,
)
from payments_app.lab.processors.one_step import Charged, ChargeRequest, Failed, OneStepGateway
from queue_core import telemetry

# Points that every idle worker passes several times a second: they tell nothing about money.
IDLE_POINTS = frozenset({"renew.committed", "stage.committed", "settle.begun", "settle.committed"})
NO_ANSWER = frozenset({"timeout", "network"})


class Witness:
    """Writes the lines of one node. Made before the node forks its worker process."""

    def __init__(self, path: Path, node: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._node = node

    def say(self, what: str, **detail: object) -> None:
        line = {"t": time.monotonic(), "node": self._node, "pid": os.getpid(), "what": what}
        os.write(self._file, json.dumps({**line, **detail}, default=str).encode() + b"\n")

    def heard(self, event: telemetry.Event) -> None:
        """A handler for the queue's telemetry."""
        told = {**event.metadata, **event.measurements}
        # Some speak of another process; the line's own pid is who says it.
        about = {"process": told.pop("pid")} if "pid" in told else {}
        self.say(event.name, **told, **about)

    def reached(self, point: str) -> None:
        """A listener for checkpoints."""
        if point not in IDLE_POINTS:
            self.say("reached", point=point)


class WitnessedGateway:
    """A gateway that says what it is asked and what comes back."""

    def __init__(self, gateway: Gateway, witness: Witness) -> None:
        self._gateway = gateway
        self._witness = witness

    def send(self, instruction: Instruction) -> Observation:
        asked = {
            "op": str(instruction.op),
            "key": instruction.key,
            "amount_minor": instruction.params.get("amount"),
            "card": instruction.params.get("payment_method"),
        }
        self._witness.say("gateway.asked", **asked)
        observation = self._gateway.send(instruction)
        told, lost = heard(observation)
        self._witness.say("gateway.answered", **asked, told=told, lost=lost)
        return observation


class WitnessedCharges(OneStepGateway):
    """The same for the one-step charge of the lab's processors."""

    def __init__(
        self, base_url: str, api_key: str, *, read_timeout_s: float, witness: Witness
    ) -> None:
        super().__init__(base_url, api_key, read_timeout_s=read_timeout_s)
        self._witness = witness

    def refund(self, charge_id: str, amount_minor: int, payment_id: str) -> Charged | Failed:
        asked = {"op": "create_refund", "key": None, "amount_minor": amount_minor}
        self._witness.say("gateway.asked", **asked)
        answer = super().refund(charge_id, amount_minor, payment_id)
        told = "given back" if isinstance(answer, Charged) else answer.code
        lost = not isinstance(answer, Charged) and answer.code in NO_ANSWER
        self._witness.say("gateway.answered", **asked, told=told, lost=lost)
        return answer

    def charge(self, wanted: ChargeRequest, *, key: str | None = None) -> Charged | Failed:
        asked = {
            "op": "create_charge",
            "key": key,
            "amount_minor": wanted.amount_minor,
            "card": wanted.payment_method,
        }
        self._witness.say("gateway.asked", **asked)
        answer = super().charge(wanted, key=key)
        if isinstance(answer, Charged):
            told, lost = "charged", False
        else:
            told, lost = answer.code, answer.code in NO_ANSWER
        self._witness.say("gateway.answered", **asked, told=told, lost=lost)
        return answer


def heard(observation: Observation) -> tuple[str, bool]:
    """An observation in a few words, and whether no answer came at all."""
    match observation:
        case IntentSeen(decline=decline) if decline is not None:
            return f"declined: {decline.code}", False
        case IntentSeen(status=status):
            return str(status), False
        case Unknown(reason=reason, received=received):
            return f"unknown: {reason}", not received
        case NotSent(reason=reason):
            return f"not sent: {reason}", True
        case Busy(reason=reason):
            return f"busy: {reason}", False
        case WrongState(code=code) | Rejected(code=code):
            return f"refused: {code}", False
        case _:
            return type(observation).__name__, False
