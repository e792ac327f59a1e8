"""What the lab's pages call things: processors, and the chip of a run's verdict.

Green is kept for a run whose every invariant holds. A run whose fault did not fire has proved
nothing, and is never green, whatever its figures say.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from payments_app.web.status import Chip


class Processor(NamedTuple):
    """Its name on pages, and its protocol in a few words."""

    title: str
    protocol: str


PROCESSORS: dict[str, Processor] = {
    "naive": Processor("Naive", "calls the gateway, then saves"),
    "classroom": Processor("Classroom", "looks, marks “processing”, then calls"),
    "key-only": Processor("Key only", "sends one stable key, and trusts it"),
    "idempotent": Processor("Idempotent", "ours: writes down, asks first, records once"),
}
DEFAULT_COLUMNS = ("naive", "idempotent")


def processor(name: str) -> Processor:
    """A build of ours with a bug in it is called by its own name."""
    return PROCESSORS.get(name) or Processor(name.capitalize(), "a build of ours with a bug in it")


def verdict_chip(run: Mapping[str, Any]) -> Chip:
    """What became of the money, with the tone and the shape of it."""
    if run["status"] == "running":
        return Chip("Running", "prog", "arc")
    if run["status"] == "interrupted":
        return Chip("Cut off: no verdict", "warn", "triangle")
    if run["inconclusive"] or run["status"] != "ended":
        return Chip("Inconclusive", "warn", "triangle")
    words = sentence(run["verdict"])
    return Chip(words, "ok", "tick") if run["ok"] else Chip(words, "bad", "cross")


def sentence(verdict: str) -> str:
    """``charged once`` → ``Charged 1 time``: the count is what people look for."""
    said = re.sub(r"^charged once\b", "charged 1 time", verdict)
    return said[:1].upper() + said[1:]
