"""One PostgreSQL cluster: made, started, found running, stopped. The caller holds the turn lock.

A power loss or ``kill -9`` leaves ``postmaster.pid`` behind, and its number may meanwhile belong to
another program, which would keep PostgreSQL from starting for ever. So a server counts as running
only when the process with that number is a PostgreSQL on this very folder; any other note is stale
and is removed. A new cluster is made beside its place and renamed, so that a half-made one is never
used.
"""

import os
import secrets
import shutil
import socket
import subprocess
import time
import zlib
from collections.abc import Mapping
from pathlib import Path

import psycopg

from payments_app.embedded_postgres.binaries import programs
from payments_app.embedded_postgres.errors import EmbeddedPostgresError
from payments_app.embedded_postgres.place import Place

HOST = "127.0.0.1"
USER = "payments"
DATABASE = "payments"
START_TIMEOUT_S = 60
# Past this, sessions that do not let go are cut off: `make run` promises an end within 10 s.
STOP_TIMEOUT_S = 2
# A port found free may be taken before the server binds it; orphans of a killed server need a
# moment to let go of its shared memory.
START_TRIES = 5
# Below what operating systems give to outgoing connections (from 32768 on Linux, 49152 elsewhere):
# while the server is down, no client's own end can sit on its port.
PORTS = range(20_000, 32_000)
# So long a start waits for the port of last time, which a dying process may still hold.
PORT_PATIENCE_S = 2
SETTINGS = {"max_connections": "200", "timezone": "UTC", "log_timezone": "UTC"}


def start(place: Place, settings: Mapping[str, str]) -> str:
    """Bring the server up, unless it is, and return its address."""
    if not place.cluster.exists():
        _initialise(place)
    elif not place.password.exists():
        raise EmbeddedPostgresError(
            f"{place.password} is missing, and {place.cluster} opens only with it. Put it back, or"
            " delete the data with `make clean`."
        )
    port = running_port(place)
    if port is None:
        port = _start(place, {**SETTINGS, **settings})
    address = url(place, port)
    _ensure_database(address)
    return address


def stop(place: Place) -> None:
    """Stop the server if it runs: its sessions are ended, its data are safe."""
    if running_port(place) is None:
        return
    for mode in ("fast", "immediate"):
        if _control(place, "stop", "-m", mode, "-w", "-t", str(STOP_TIMEOUT_S)).returncode == 0:
            return
    raise EmbeddedPostgresError(f"The embedded PostgreSQL does not stop; see {place.log}.")


def running_port(place: Place) -> int | None:
    """The port of the server that runs on this folder now, once it has said so in its note."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        note = _note(place)
        if not _is_ours(place, note):
            return None
        if len(note) >= 8 and note[7] == "ready":
            return int(note[3])
        time.sleep(0.05)  # It is starting (or recovering) on behalf of somebody who was killed.
    raise EmbeddedPostgresError(f"The embedded PostgreSQL does not become ready; see {place.log}.")


def url(place: Place, port: int) -> str:
    return f"postgresql+psycopg://{USER}:{place.password.read_text()}@{HOST}:{port}/{DATABASE}"


def _initialise(place: Place) -> None:
    unfinished = place.unfinished
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    place.give(unfinished)
    secret = unfinished.with_name(f"{unfinished.name}.password")
    _write_secret(secret, secrets.token_urlsafe(24))
    place.give(secret)
    try:
        made = place.run(
            programs(place) / "initdb",
            *("--pgdata", unfinished, "--username", USER, "--pwfile", secret),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"),
            # The same order of text on every platform, and no dependence on its C library.
            *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            timeout_s=START_TIMEOUT_S,
        )
        if made.returncode != 0:
            raise EmbeddedPostgresError(f"initdb failed: {made.stderr.strip() or made.stdout}")
        # First the password, then the cluster that needs it: a kill in between costs nothing.
        _write_secret(place.password, secret.read_text())
        unfinished.rename(place.cluster)
    finally:
        secret.unlink(missing_ok=True)


def _write_secret(path: Path, secret: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret)


def _start(place: Place, settings: Mapping[str, str]) -> int:
    (place.cluster / "postmaster.pid").unlink(missing_ok=True)  # Nobody's: we looked.
    last_port = place.data_dir / "postgres.port"
    failure = ""
    for attempt in range(START_TRIES):
        port = _choose_port(place, last_port if attempt < START_TRIES - 1 else None)
        options = {"listen_addresses": HOST, "unix_socket_directories": "", "port": str(port)}
        arguments = " ".join(
            f"-c {name}='{value}'" for name, value in {**options, **settings}.items()
        )
        begun = _control(
            place, "start", "-w", "-t", str(START_TIMEOUT_S), "-l", place.log, "-o", arguments
        )
        if begun.returncode == 0:
            last_port.write_text(str(port))
            return port
        failure = _last_lines(place.log) or begun.stderr
        time.sleep(0.2 * attempt)
    raise EmbeddedPostgresError(f"The embedded PostgreSQL does not start:\n{failure}")


def _control(place: Place, verb: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return place.run(
        *(programs(place) / "pg_ctl", verb, "-D", place.cluster, *arguments),
        timeout_s=START_TIMEOUT_S + 10,
    )


def _choose_port(place: Place, last: Path | None) -> int:
    """The port of last time where it is free: whoever was connected finds the server again."""
    if last and last.exists():
        port = int(last.read_text())
        deadline = time.monotonic() + PORT_PATIENCE_S
        while time.monotonic() < deadline:
            if _is_free(port):
                return port
            time.sleep(0.05)
    # Each folder looks from a place of its own, so that two that start at once seldom meet.
    first = zlib.crc32(bytes(place.cluster))
    for offset in range(len(PORTS)):
        port = PORTS[(first + offset) % len(PORTS)]
        if _is_free(port):
            return port
    raise EmbeddedPostgresError(
        f"No free port at {HOST} for the embedded PostgreSQL, of {PORTS.start} to {PORTS[-1]}."
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the server does: a port in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _note(place: Place) -> list[str]:
    """``postmaster.pid``: pid, folder, start, port, sockets, address, shared memory, status."""
    try:
        text = (place.cluster / "postmaster.pid").read_text()
    except FileNotFoundError:
        return []
    return [line.strip() for line in text.splitlines()]


def _is_ours(place: Place, note: list[str]) -> bool:
    # A copied folder carries the note of the original, whose server is not ours to use or stop.
    if len(note) < 2 or not note[0].isdecimal() or note[1] != str(place.cluster):
        return False
    command = _command_of(int(note[0]))
    return "postgres" in command and str(place.cluster) in command


def _command_of(pid: int) -> str:
    proc = Path("/proc")
    if (proc / "self").exists():
        try:
            return (proc / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError):
            return ""
    shown = subprocess.run(
        ["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return shown.stdout


def _ensure_database(address: str) -> None:
    server = address.replace("postgresql+psycopg://", "postgresql://", 1)
    maintenance = server.removesuffix(f"/{DATABASE}") + "/postgres"
    with psycopg.connect(maintenance, autocommit=True, connect_timeout=5) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
        if known.fetchone() is None:
            connection.execute(f'CREATE DATABASE "{DATABASE}"')


def _last_lines(path: Path, count: int = 8) -> str:
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-count:])
    except OSError:
        return ""
