"""``python -m payments_app.cli.lab_nursery``: makes the worker nodes of the lab in milliseconds.

Loading the libraries takes longer than most runs. This process loads them once and then forks a
node for each JSON line that it reads: settings, processor, checkpoints to hold at. A node is a
supervisor with one worker process, in a process group of its own, so that the lab can freeze or
kill it whole. When standard input ends, however the parent ended, so does every node.

It is part of the composition root, because it puts workers together; the lab starts it by name.
"""

import contextlib
import importlib
import json
import os
import select
import signal
import sys
from pathlib import Path
from typing import Any

from payments_app import logs
from payments_app.config import load_config
from payments_app.gateway.settlement_report import SimulatorReports
from payments_app.gateway.stripe_adapter import StripeGateway
from payments_app.jobs import QUEUES
from payments_app.lab import processors
from payments_app.lab.witness import Witness, WitnessedCharges, WitnessedGateway
from queue_core import Queue, Worker, checkpoints, telemetry
from workers import registry
from workers.payment_processor import PaymentProcessor

IDEMPOTENT = "idempotent"
TICK_S = 0.1
# The queue asks this often when nobody notifies it.
POLL_S = 0.25
RESCUES_MAX = 20
# A frozen machine wakes up whole: its supervisor must not find its worker hung.
HUNG_AFTER_S = 120.0


def main() -> None:
    """Fork nodes until standard input ends, then kill them all."""
    pids: set[int] = set()
    pending = b""
    _say("ready")
    try:
        while True:
            _bury(pids)
            ready, _, _ = select.select([0], [], [], TICK_S)
            if not ready:
                continue
            chunk = os.read(0, 1 << 16)
            if not chunk:
                return
            *orders, pending = (pending + chunk).split(b"\n")
            for order in orders:
                pid = _fork(json.loads(order))
                pids.add(pid)
                _say(str(pid))
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _bury(pids: set[int]) -> None:
    for pid in tuple(pids):
        if os.waitpid(pid, os.WNOHANG)[0]:
            pids.discard(pid)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)  # Its worker process, if it is left behind.


def _fork(order: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        with contextlib.suppress(PermissionError, ProcessLookupError):
            os.setpgid(pid, pid)  # In both, so that whoever comes first finds the group made.
        return pid
    code = 1
    try:
        os.setpgid(0, 0)
        _redirect(Path(order["log"]))
        code = run_node(order)
    finally:
        sys.stdout.flush()
        os._exit(code)


def run_node(order: dict[str, Any]) -> int:
    """One node, as this order wants it, until TERM."""
    config = load_config({**os.environ, **order["settings"]})
    logs.configure("json")
    witness = Witness(Path(order["witness"]), order["node"])
    telemetry.attach(witness.heard)
    checkpoints.listen(witness.reached)
    checkpoints.arm(order["plan"])
    gateway = WitnessedGateway(
        StripeGateway(
            base_url=config.gateway_url,
            api_key=config.gateway_api_key,
            read_timeout_s=config.gateway_timeout_s,
        ),
        witness,
    )
    parts = registry.Parts(
        gateway=gateway,
        reports=SimulatorReports(config.gateway_url),
        gateway_timeout_s=config.gateway_timeout_s,
        data_dir=config.data_dir,
    )
    charges = WitnessedCharges(
        config.gateway_url,
        config.gateway_api_key,
        read_timeout_s=config.gateway_timeout_s,
        witness=witness,
    )
    workers = _replaced(registry.build(parts), order["processor"], gateway, charges)
    return Queue(config.database_url, queues=QUEUES, workers=workers).run(
        processes=1,
        queues=order["queues"],
        lease_s=config.lease_s,
        poll_s=POLL_S,
        shutdown_timeout_s=config.shutdown_timeout_s,
        max_rescues=RESCUES_MAX,
        hung_after_s=HUNG_AFTER_S,
        claim_ahead=False,
    )


def _replaced(
    workers: list[Worker[Any]], processor: str, gateway: WitnessedGateway, charges: WitnessedCharges
) -> list[Worker[Any]]:
    """Ours, or with the workers of the named processor in their place.

    ``package.module:factory`` names a processor that is not the lab's: a build with a bug in it,
    which a test hands in to see the scoreboard turn red.
    """
    if processor == IDEMPOTENT:
        return workers
    others = [each for each in workers if not isinstance(each, PaymentProcessor)]
    module, colon, factory = processor.partition(":")
    if colon:
        return [*others, getattr(importlib.import_module(module), factory)(gateway)]
    rivals = processors.rivals(processor, charges)
    kinds = {each.options.kind for each in rivals}
    return [*(each for each in others if each.options.kind not in kinds), *rivals]


def _redirect(log: Path) -> None:
    """A node writes to its log, and does not hold the parent's pipes open."""
    target = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(target, 1)
    os.dup2(target, 2)


if __name__ == "__main__":
    main()
