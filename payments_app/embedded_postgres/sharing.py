"""Who uses the server, and who turns it off.

Two locks of the kernel (``flock``), both freed when their holder dies, however it dies:

- *users*: shared by everyone who uses the server, for as long as they do. Getting it exclusively
  proves that nobody else does.
- *turn*: exclusive and brief; starting and stopping happen one at a time, so that two starters at
  once make one server, and nobody joins a server that is just being stopped.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from payments_app.embedded_postgres import cluster
from payments_app.embedded_postgres.errors import EmbeddedPostgresError
from payments_app.embedded_postgres.place import (
    Place,
    forget,
    is_orphaned,
    locate,
    prepare,
    record_location,
)


@contextmanager
def server(data_dir: Path, *, settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """The address of a running server; started if need be, stopped if we were the last to use it.

    ``settings`` are server variables for a start, for example ``{"fsync": "off"}`` in tests; a
    server that runs already keeps its own.
    """
    place = prepare(data_dir)
    joined_by = os.getpid()
    with place.users_lock.open("w") as users:
        with _turn(place):
            fcntl.flock(users, fcntl.LOCK_SH)
            try:
                if is_orphaned(place):
                    cluster.stop(place)
                    forget(place)
                record_location(place)
                address = cluster.start(place, settings or {})
            except BaseException:
                _stop_if_last(place, users.fileno())
                raise
        try:
            yield address
        finally:
            # A forked child shares its parent's lock: by leaving it would leave for both.
            if os.getpid() == joined_by:
                with _turn(place):
                    _stop_if_last(place, users.fileno())


def revive(data_dir: Path, *, settings: Mapping[str, str] | None = None) -> bool:
    """Start the server again if it died under its users; say whether that was needed."""
    place = locate(data_dir)
    with _turn(place):
        if cluster.running_port(place) is not None:
            return False
        cluster.start(place, settings or {})
        return True


def remove(data_dir: Path) -> None:
    """Delete the server and all its data, for `make clean`. Refuses while somebody uses it."""
    place = locate(data_dir)
    if not place.data_dir.exists():
        return
    place = prepare(data_dir)
    with place.users_lock.open("w") as users, _turn(place):
        if not _alone(users.fileno()):
            raise EmbeddedPostgresError(
                f"The embedded PostgreSQL in {place.data_dir} is in use; end what uses it first."
            )
        cluster.stop(place)
        forget(place)


@contextmanager
def _turn(place: Place) -> Iterator[None]:
    with place.turn_lock.open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield


def _stop_if_last(place: Place, users: int) -> None:
    if _alone(users):
        cluster.stop(place)


def _alone(users: int) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
