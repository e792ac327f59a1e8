"""The bare loop: the same HTTP calls and commits as a payment, without anything that makes it safe.

Per payment: write that the intent will be asked for, ask, write the answer and that the charge will
be asked for, ask, write the answer. Two requests and three commits, in two shapes:

- ``rows``   commits the very rows that the protocol commits, to the same tables (bare_rows.sql);
- ``floor``  updates one row of a table of its own per commit.

No reads, no locks, no decisions, no job: a crash or a second worker anywhere loses track of money.

``python -m benchmarks.bare_payments SHAPE DATABASE_URL GATEWAY_URL API_KEY THREADS`` is one process
of it: it reads payments, one ``payment invoice`` a line, until an empty one; says "ready", waits
for a line, says "done". ``run`` starts several and takes the time.
"""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from subprocess import PIPE, Popen

import psycopg
import requests

from benchmarks.world import ROOT, plain

FLOOR_TABLE = "CREATE TABLE IF NOT EXISTS bare (id text PRIMARY KEY, state text, detail text)"
FLOOR = {
    "creating": ["UPDATE bare SET state = 'creating' WHERE id = %(payment)s"],
    "created": ["UPDATE bare SET state = 'created', detail = %(intent)s WHERE id = %(payment)s"],
    "confirmed": ["UPDATE bare SET state = 'done', detail = %(charge)s WHERE id = %(payment)s"],
}
INTENT = {"amount": 12_000, "currency": "usd", "payment_method_types[]": "card"}
CARD = {"payment_method": "pm_card_visa"}


class Loop:
    """One thread's: a connection to the database and one to the gateway, both kept."""

    def __init__(self, shape: str, database_url: str, gateway_url: str, api_key: str) -> None:
        self._commits = rows() if shape == "rows" else FLOOR
        self._database = psycopg.connect(plain(database_url), prepare_threshold=1)
        self._gateway = f"{gateway_url}/v1/payment_intents"
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.headers["Authorization"] = f"Bearer {api_key}"

    def pay(self, payment: str, invoice: str) -> None:
        known = {"payment": payment, "invoice": invoice}
        self._commit("creating", known)
        made = self._ask("", INTENT | {"metadata[payment]": payment}, f"{payment}:create")
        known["intent"] = made["id"]
        self._commit("created", known)
        paid = self._ask(f"/{made['id']}/confirm", CARD, f"{payment}:confirm")
        assert paid["status"] == "succeeded", paid
        known["charge"] = paid["latest_charge"]
        self._commit("confirmed", known)

    def _commit(self, name: str, known: Mapping[str, str]) -> None:
        with self._database.transaction():
            for statement in self._commits[name]:
                self._database.execute(statement.encode(), known)

    def _ask(self, path: str, form: Mapping[str, object], key: str) -> dict[str, str]:
        answer = self._http.post(
            self._gateway + path, data=dict(form), headers={"Idempotency-Key": key}, timeout=30
        )
        answer.raise_for_status()
        said: dict[str, str] = answer.json()
        return said


def rows() -> dict[str, list[str]]:
    """The statements of each commit."""
    text = (Path(__file__).parent / "bare_rows.sql").read_text(encoding="utf-8")
    sections = (part.partition("\n") for part in text.split("-- commit: ")[1:])
    return {
        name: [each.strip() for each in statements.split(";") if each.strip()]
        for name, _, statements in sections
    }


def run(
    found: Sequence[tuple[str, str]], said: Sequence[str], *, processes: int, threads: int
) -> float:
    """Pay all of them in this many processes; seconds from the start signal to the last one."""
    command = [sys.executable, "-m", "benchmarks.bare_payments", *said, str(threads)]
    with ExitStack() as held:
        loops = [
            held.enter_context(Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True))
            for _ in range(processes)
        ]
        for number, loop in enumerate(loops):
            _tell(loop, "".join(f"{p} {i}\n" for p, i in found[number::processes]) + "\n")
        _hear("ready", loops)
        began_s = time.perf_counter()
        for loop in loops:
            _tell(loop, "go\n")
        _hear("done", loops)
        return time.perf_counter() - began_s


def _tell(loop: "subprocess.Popen[str]", words: str) -> None:
    assert loop.stdin is not None
    loop.stdin.write(words)
    loop.stdin.flush()


def _hear(word: str, loops: Sequence["subprocess.Popen[str]"]) -> None:
    for loop in loops:
        assert loop.stdout is not None
        said = loop.stdout.readline().strip()
        if said != word:
            raise RuntimeError(f"the bare loop said {said!r} instead of {word!r}")


def main(arguments: Sequence[str]) -> None:
    *where, threads = arguments
    waiting = [line.split() for line in iter(sys.stdin.readline, "\n")]
    shape, database_url, gateway_url, api_key = where
    loops = [Loop(shape, database_url, gateway_url, api_key) for _ in range(int(threads))]
    print("ready", flush=True)
    sys.stdin.readline()
    with ThreadPoolExecutor(len(loops)) as pool:
        parts = [waiting[number :: len(loops)] for number in range(len(loops))]
        list(pool.map(_pay_all, loops, parts))
    print("done", flush=True)


def _pay_all(loop: Loop, part: Sequence[Sequence[str]]) -> None:
    for payment, invoice in part:
        loop.pay(payment, invoice)


if __name__ == "__main__":
    main(sys.argv[1:])
