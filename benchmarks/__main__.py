"""Runs the benchmarks, prints their table, writes their numbers: `python -m benchmarks --help`.

A scenario that fails is reported and the others go on: an unattended run must not lose what it has
measured.
"""

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable
from pathlib import Path

from benchmarks import report
from benchmarks.result import Plan, Result
from benchmarks.scenarios import SCENARIOS
from benchmarks.world import World, world

QUICK = Plan(rounds=1, share=0.1)


def main() -> int:
    options = _parse()
    plan = Plan(
        rounds=options.rounds or (QUICK.rounds if options.quick else Plan.rounds),
        share=QUICK.share if options.quick else Plan.share,
        with_peers=not options.no_peers,
    )
    with (
        tempfile.TemporaryDirectory(prefix="benchmarks-") as folder,
        world(Path(folder), options.database_url) as server,
    ):
        circumstances = {**server.describe(), "command": " ".join(sys.argv[1:]) or "(all)"}
        results, failed = run(server, plan, options.only or SCENARIOS)
    print("\n" + report.table(results, circumstances))
    print(f"\nwritten: {report.write_json(results, circumstances, options.json)}")
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def run(server: World, plan: Plan, names: Iterable[str]) -> tuple[dict[str, Result], list[str]]:
    results: dict[str, Result] = {}
    failed: list[str] = []
    for name in names:
        begun_s = time.monotonic()
        print(f"{name} …", flush=True)
        try:
            results[name] = SCENARIOS[name](server, plan)
        except Exception:  # noqa: BLE001
            # One contestant's trouble must not cost an hour's other numbers.
            traceback.print_exc()
            failed.append(name)
        except KeyboardInterrupt:
            # Told to stop: what has been measured is still worth its table.
            failed.append(f"{name} (interrupted)")
            break
        print(f"{name}: {time.monotonic() - begun_s:.0f} s", flush=True)
    return results, failed


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    names = f"{', '.join(SCENARIOS)}; all if none is named"
    parser.add_argument("only", nargs="*", choices=[*SCENARIOS, []], metavar="scenario", help=names)
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, one round")
    parser.add_argument("--rounds", type=int, help="how often each is measured (3)")
    parser.add_argument("--no-peers", action="store_true", help="the queue and the raw loop alone")
    parser.add_argument("--database-url", help="a server of your own instead of the embedded one")
    parser.add_argument("--json", type=Path, help="where the numbers are written")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
