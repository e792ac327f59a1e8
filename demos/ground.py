"""What a stack stands on: free ports, a scratch database, connections to this machine."""

import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from payments_app import embedded_postgres


def http_session() -> requests.Session:
    """Connections to this machine for many threads; a user's proxy settings are none of ours."""
    made = requests.Session()
    made.trust_env = False
    made.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=100))
    return made


# Below what operating systems give to outgoing connections, so that none takes a port between the
# look at it and the server that binds it, or while that server is being restarted.
PORTS = range(12_000, 20_000)


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on, different ones."""
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        if len(found) == count:
            break
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
    return found


def answers(url: str) -> bool:
    try:
        with http_session() as session:
            return session.get(url, timeout=5).status_code == 200
    except requests.RequestException:
        return False


# Nothing in a scratch folder outlives the demonstration, so nothing is forced to the disk.
SCRATCH_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@contextmanager
def scratch_database(folder: Path) -> Iterator[str]:
    """An embedded PostgreSQL in ``folder``, removed at the end."""
    try:
        with embedded_postgres.server(folder, settings=SCRATCH_SETTINGS) as url:
            yield url
    finally:
        embedded_postgres.remove(folder)
