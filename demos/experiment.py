"""Plays a scenario of the lab for a demonstration: a processor that fails it, then ours.

Everything that it needs is started in a scratch folder and removed again. The end is the journal's
count; the exit code says whether both verdicts were the expected ones.
"""

import argparse
import json
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from demos.ground import scratch_database
from payments_app.cli.demo_output import print_run, summary
from payments_app.lab import catalogue
from payments_app.lab.laboratory import Laboratory
from payments_app.lab.scenario import DEFAULT_SEED


def main(scenario_id: str, description: str, *, rival: str = "naive") -> int:
    """Play it; 0 when every verdict was as expected."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="print the verdicts as JSON")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    asked = parser.parse_args()
    scenario = catalogue.BY_ID[scenario_id]
    runs = []
    with ExitStack() as held:
        folder = Path(held.enter_context(TemporaryDirectory(prefix="charged-once-demo-")))
        url = held.enter_context(scratch_database(folder))
        lab = Laboratory(folder / "lab", lambda: url)
        held.callback(lab.close)
        for processor in (rival, "idempotent"):
            ids = lab.start(scenario_id, [processor], seed=asked.seed)
            runs.append(lab.wait(ids)[0] if asked.json else print_run(lab, ids[0], scenario))
            if not asked.json:
                print()
    ok = all(run["as_expected"] for run in runs)
    if asked.json:
        print(json.dumps({"runs": [summary(run) for run in runs], "ok": ok}))
        return 0 if ok else 1
    for run in runs:
        count = f"captures in the gateway's journal: {run['captures']}"
        print(f"{run['processor']:<12} {count} ({run['verdict']})")
    print("AS EXPECTED" if ok else "NOT AS EXPECTED: something is wrong")
    return 0 if ok else 1


def run(scenario_id: str, description: str | None, *, rival: str = "naive") -> None:
    """``main`` as the end of a script."""
    sys.exit(main(scenario_id, description or "", rival=rival))
