"""Draw docs/states.md from the tables of moves in the code: `python docs/draw_states.py`.

The page is never written by hand; a test compares it with what this prints.
"""

import importlib
import pkgutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import payments_app.domain
from payments_app.domain.state_machine import StateMachine
from queue_core.lifecycle import MOVES as JOB_MOVES

# From, to, and the verb between them.
Arrows = Iterator[tuple[str, str, str]]

PAGE = Path(__file__).with_name("states.md")
HEAD = """# States

Drawn from the tables in the code by `python docs/draw_states.py`; a test compares. Each table is
enforced three times: by the method that moves, by the guarded statement that writes, and by the
database (the table `legal_moves` behind a trigger for the business, CHECKs for the queue).
"""


def page() -> str:
    """The whole page, ending in one newline."""
    return "\n".join([HEAD, *(_section(*drawn) for drawn in _all())]).rstrip() + "\n"


def _all() -> Iterator[tuple[str, Arrows]]:
    yield "Job (`queue_core/lifecycle.py`)", _job_arrows()
    for info in sorted(pkgutil.iter_modules(payments_app.domain.__path__), key=lambda i: i.name):
        module = importlib.import_module(f"payments_app.domain.{info.name}")
        machine = getattr(module, "MOVES", None)
        if isinstance(machine, StateMachine):
            name = machine.aggregate.replace("_", " ").capitalize()
            yield f"{name} (`payments_app/domain/{info.name}.py`)", _arrows(machine)


def _job_arrows() -> Arrows:
    for verb, (sources, targets) in JOB_MOVES.items():
        for source in sources or ("[*]",):
            for target in targets:
                yield str(source), str(target), verb


def _arrows(machine: StateMachine[Any]) -> Arrows:
    for event, move in machine.moves.items():
        for source in sorted(move.sources):
            yield str(source), str(move.to), event


def _section(title: str, arrows: Arrows) -> str:
    verbs: dict[tuple[str, str], list[str]] = defaultdict(list)
    for source, target, verb in arrows:
        verbs[source, target].append(verb)
    lines = [f"    {a} --> {b}: {', '.join(names)}" for (a, b), names in verbs.items()]
    return "\n".join([f"## {title}\n", "```mermaid", "stateDiagram-v2", *lines, "```", ""])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
