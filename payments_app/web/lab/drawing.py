"""A recorded event as a row of the picture: its columns, its tone, its words. Adds no fact.

Lanes are columns, time runs down. A message is an arrow from a lane to a lane, everything else a
box on its lane; what concerns the whole run lies across.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from payments_app.web.lab.labels import short

_TONES = {
    "request": "info",
    "answer": "info",
    "job": "prog",
    "lease": "warn",
    "kill": "bad",
    "freeze": "warn",
    "wake": "warn",
    "capture": "ok",
    "refund": "info",
    "replay": "replay",
    "refused": "warn",
    "declined": "warn",
    "fault": "bad",
    "webhook": "info",
    "ledger": "ok",
    "clock": "warn",
}
# They concern the whole run, and have long sentences.
_ACROSS = frozenset({"verdict", "clock"})


@dataclass(frozen=True, slots=True)
class Row:
    """``css``: its place and tone as classes; ``who``: the columns in words, for narrow screens."""

    seq: int
    at_ms: int
    at: str
    css: str
    who: str
    label: str
    text: str
    raw: str


def rows(events: Iterable[Mapping[str, Any]], lanes: Sequence[Mapping[str, str]]) -> list[Row]:
    names = {lane["id"]: lane["name"] for lane in lanes}
    return [_row(event, names) for event in events]


def _row(event: Mapping[str, Any], names: Mapping[str, str]) -> Row:
    return Row(
        seq=event["seq"],
        at_ms=event["at_ms"],
        at=f"+{event['at_ms'] / 1000:.3f}",
        css=" ".join(_classes(event, list(names))),
        who=_who(event, names),
        label=short(event["text"]),
        text=event["text"],
        raw=json.dumps(event, indent=2, ensure_ascii=False),
    )


def _classes(event: Mapping[str, Any], lanes: list[str]) -> list[str]:
    tone = _tone(event)
    source, target = event["from"], event["to"]
    if source in lanes and target in lanes and source != target:
        start, end = lanes.index(source) + 1, lanes.index(target) + 1
        way = "r" if start < end else "l"
        return ["msg", f"f{start}", f"t{end}", way, tone, *(["lost"] if event["lost"] else [])]
    if event["kind"] in _ACROSS or (event["kind"] == "note" and event["lane"] == lanes[0]):
        return ["ev", "across", tone]
    place = lanes.index(event["lane"]) + 1 if event["lane"] in lanes else 1
    return ["ev", f"f{place}", tone]


def _tone(event: Mapping[str, Any]) -> str:
    if event["lost"]:
        return "bad"
    # The second of them is what a run is about: it is seen at a glance.
    if event["kind"] in ("capture", "refund") and event["detail"].get("count", 1) > 1:
        return "bad" if event["kind"] == "capture" else "warn"
    if event["kind"] in ("call", "reply"):
        return "plain"
    return _TONES.get(event["kind"], "neutral")


def _who(event: Mapping[str, Any], names: Mapping[str, str]) -> str:
    source, target = names.get(event["from"]), names.get(event["to"])
    if source and target:
        return f"{source} to {target}"
    if event["kind"] in ("verdict", "note", "clock"):
        return "The run" if event["lane"] == next(iter(names)) else names.get(event["lane"], "")
    return names.get(event["lane"], event["lane"])
