"""A storm has too many events to draw, so they are counted: while it rages and afterwards.

A shipped record keeps only the first events of a storm. Of such a one only that is said which the
record itself counted: a number that is silently too small would be worse than none.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

# Kind of event → its words.
COUNTED = {
    "request": "payments asked for",
    "call": "calls to the gateway",
    "capture": "captures",
    "replay": "answers repeated by key",
    "fault": "faults",
    "kill": "workers killed",
}


def counts(run: Mapping[str, Any]) -> list[tuple[str, int]]:
    """What is said of it, with its number."""
    seen = Counter(str(event["kind"]) for event in run["events"])
    if "throughput" not in run:
        return [(said, seen[kind]) for kind, said in COUNTED.items()]
    told = run["throughput"]
    known = {"request": told["payments"], "capture": run["captures"], "kill": told["kills"]}
    shown = known if run.get("recorded") else {**dict.fromkeys(COUNTED, 0), **seen, **known}
    return [(said, int(shown[kind])) for kind, said in COUNTED.items() if kind in shown]
