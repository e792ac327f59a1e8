"""What is measured: a module per question, each with `run(world, plan) -> Result`."""

from collections.abc import Callable

from benchmarks.result import Plan, Result
from benchmarks.scenarios import churn, drains, history, inserts, latency, memory, sleeping
from benchmarks.world import World

SCENARIOS: dict[str, Callable[[World, Plan], Result]] = {
    "drain": drains.run,
    "bulk": inserts.run_bulk,
    "single": inserts.run_single,
    "latency": latency.run,
    "sleep": sleeping.run,
    "churn": churn.run,
    "history": history.run,
    "memory": memory.run,
}
