"""What people do to a run while it plays: lines that wait in its folder until it obeys them.

The buttons are pressed in one process and the run may be played in another, so a press is a line in
a file. The run reads the file each time it looks around, some fifty times a second.
"""

import json
from pathlib import Path
from typing import Any

FILE = "commands.jsonl"
# verb → what it needs besides. Whoever offers buttons reads this table.
VERBS: dict[str, tuple[str, ...]] = {
    "kill": ("worker",),
    "freeze": ("worker",),
    "wake": ("worker",),
    "release": (),
    "duplicate": (),
    "replay": (),
    "next": ("answer",),
    "forget": (),
    "finish": (),
}
WORKERS = ("worker-a", "worker-b")
ANSWERS = ("ok", "500", "429", "drop", "slow")


class UnknownCommand(ValueError):
    """No such button. The message says which there are."""


class Console:
    """The lines of one run: ``press`` from anywhere, ``new`` by the run."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self._read = 0

    def press(self, verb: str, **given: str) -> None:
        """Raises UnknownCommand."""
        if verb not in VERBS or set(given) != set(VERBS[verb]):
            wanted = ", ".join(f"{name} {' '.join(needs)}".strip() for name, needs in VERBS.items())
            raise UnknownCommand(f"{verb} {sorted(given)}: the commands are {wanted}")
        if given.get("worker", WORKERS[0]) not in WORKERS:
            raise UnknownCommand(f"worker: {' or '.join(WORKERS)}")
        if given.get("answer", ANSWERS[0]) not in ANSWERS:
            raise UnknownCommand(f"answer: one of {', '.join(ANSWERS)}")
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"verb": verb, **given}) + "\n")

    def new(self) -> list[dict[str, Any]]:
        """The presses that nobody has obeyed yet."""
        try:
            with self._file.open("rb") as file:
                file.seek(self._read)
                lines = file.read().split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        self._read += sum(len(line) + 1 for line in lines)
        return [json.loads(line) for line in lines]
