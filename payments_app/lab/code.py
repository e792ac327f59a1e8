"""The lines that decided it, cut from the real source when they are asked for.

A name points at a function and at the words of the first line that matters. The text is read from
the code that runs, so it cannot drift: when the line is gone, asking for it fails, and so does the
test that asks for every one.
"""

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent
from typing import Any

LINES = 6
ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class Cut:
    """``file``: a module of ours; ``first``: how the first of the six lines begins."""

    module: str
    first: str


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Six lines as they stand in the file, from ``line`` on."""

    file: str
    line: int
    text: str

    def as_json(self) -> dict[str, Any]:
        return {"file": self.file, "line": self.line, "text": self.text}


LAB = "payments_app.lab.processors"
CUTS: dict[str, Cut] = {
    "naive.call": Cut(f"{LAB}.naive", "with job.session() as session:"),
    "classroom.look": Cut(f"{LAB}.classroom", "with job.session() as session:"),
    "classroom.processing": Cut(f"{LAB}.classroom", "match status:"),
    "classroom.failed": Cut(f"{LAB}.classroom", "now = clock.now(session)"),
    "key_only.call": Cut(f"{LAB}.key_only", "answer = self.charges.charge(wanted, key="),
    "naive.believe": Cut(f"{LAB}.naive_events", "ledger.post("),
    "naive.refund": Cut(f"{LAB}.naive_refunds", "with job.session() as session:"),
    "ours.ask_first": Cut("payments_app.domain.steps", "match attempt.status:"),
    "ours.write_once": Cut(
        "payments_app.services.observations", "if payment.gateway_intent_id is None and not"
    ),
    "ours.silence": Cut("payments_app.services.observations", "if received:"),
    "ours.fence": Cut("payments_app.domain.steps", "if payment.must_look:"),
    "ours.facts": Cut("workers.payment_processor", "payment = observations.apply_observation("),
    "ours.request": Cut("payments_app.services.idempotency", "record = session.scalars("),
    "ours.fingerprint": Cut("payments_app.services.idempotency", "if record.fingerprint !="),
    "ours.hint": Cut("payments_app.services.inbound", "def _wake_payment("),
    "ours.reserve": Cut("payments_app.services.refunds", "if open_refund is not None:"),
}


@lru_cache(maxsize=64)
def excerpt(name: str) -> Excerpt:
    """The six lines of this name. Raises KeyError, or LookupError when the line is gone."""
    return cut_out(CUTS[name])


def cut_out(cut: Cut) -> Excerpt:
    path = _path(cut.module)
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if line.strip().startswith(cut.first):
            text = dedent("\n".join(lines[number : number + LINES])).rstrip()
            return Excerpt(str(path.relative_to(ROOT)), number + 1, text)
    raise LookupError(f"no line of {path} begins with {cut.first!r}")


def _path(module: str) -> Path:
    """Where a module is, without importing it: the lab does not import workers."""
    found = find_spec(module)
    if found is None or found.origin is None:
        raise LookupError(f"there is no module {module}")
    return Path(found.origin)
