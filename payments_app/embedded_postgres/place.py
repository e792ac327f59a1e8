"""Where the server's files are, and as whom they are used.

A user's server lives in DATA_DIR/postgres. PostgreSQL refuses to run as root, so root's server runs
as ``nobody``, who may enter neither /root nor most other homes: its data lies under /var/tmp, in a
folder named by a hash of DATA_DIR's path, and DATA_DIR/postgres.location says where. Nobody's
folders have their permissions changed for this.
"""

import hashlib
import logging
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from payments_app.embedded_postgres.errors import EmbeddedPostgresError

ROOTS_DATA = Path("/var/tmp")  # noqa: S108  Survives a reboot, and our folder in it is 0700.
NOBODY_ID = 65534

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Owner:
    """The user that the server runs as when we are root."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Place:
    """All paths of one embedded server. ``owner`` is None unless we are root."""

    data_dir: Path
    cluster: Path
    owner: Owner | None

    @property
    def log(self) -> Path:
        return self.cluster / "server.log"

    @property
    def unfinished(self) -> Path:
        return self.cluster.with_name(f"{self.cluster.name}.unfinished")

    @property
    def copied_binaries(self) -> Path:
        return self.cluster.with_name(f"{self.cluster.name}.binaries")

    @property
    def password(self) -> Path:
        return self.data_dir / "postgres.password"

    @property
    def location(self) -> Path:
        return self.data_dir / "postgres.location"

    @property
    def turn_lock(self) -> Path:
        return self.data_dir / "postgres.turn.lock"

    @property
    def users_lock(self) -> Path:
        return self.data_dir / "postgres.users.lock"

    def run(self, *command: str | Path, timeout_s: float) -> subprocess.CompletedProcess[str]:
        """Run a program as the server's user, in a folder and a language that it surely has."""
        owner = self.owner
        return subprocess.run(
            [str(part) for part in command],
            user=owner.uid if owner else None,
            group=owner.gid if owner else None,
            extra_groups=[] if owner else None,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in the terminal is not for a half-started server.
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def give(self, path: Path) -> None:
        """Make the server's user the owner of a file or folder that we made for it."""
        if self.owner:
            os.chown(path, self.owner.uid, self.owner.gid)


def locate(data_dir: Path) -> Place:
    """Say where the server of ``data_dir`` is; makes nothing."""
    data_dir = data_dir.expanduser().resolve()
    if os.geteuid() != 0:
        return Place(data_dir, data_dir / "postgres", owner=None)
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Place(data_dir, ROOTS_DATA / f"charged-once-{digest}", owner=_nobody())


def prepare(data_dir: Path) -> Place:
    """Make DATA_DIR, and see that root's data, if there are any, are ours."""
    prepare_data_dir(data_dir)
    place = locate(data_dir)
    if place.owner and place.cluster.exists():
        _refuse_foreign(place.cluster, place.owner)
    return place


def prepare_data_dir(data_dir: Path) -> Path:
    """Make DATA_DIR and see that it can be written; its full path."""
    data_dir = data_dir.expanduser().resolve()
    if data_dir.exists() and not data_dir.is_dir():
        raise EmbeddedPostgresError(
            f"DATA_DIR {data_dir} is a file. Choose a folder, or a name that is free, for example"
            " DATA_DIR=~/charged-once."
        )
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=data_dir):
            pass  # Asked by trying: root may enter folders that it cannot write, and the reverse.
    except OSError as error:
        raise EmbeddedPostgresError(
            f"DATA_DIR {data_dir} cannot be written ({error.strerror}). Choose a folder that you"
            " may write, for example DATA_DIR=~/charged-once."
        ) from error
    return data_dir


def is_orphaned(place: Place) -> bool:
    """Root's data whose DATA_DIR was deleted: whoever deletes that folder means the data in it."""
    return place.owner is not None and place.cluster.exists() and not place.location.exists()


def record_location(place: Place) -> None:
    """Note in DATA_DIR where root's data lie. The caller holds the turn lock."""
    if place.owner is None:
        return
    # A copied or moved DATA_DIR brings the old note along. Following it could put two owners on
    # one server, so each DATA_DIR has data of its own, and we say where the other's are.
    if place.location.exists():
        noted = place.location.read_text().strip()
        if noted == str(place.cluster):
            return
        log.warning("DATA_DIR was moved or copied; its former database is at %s", noted)
        place.password.unlink(missing_ok=True)
    place.location.write_text(f"{place.cluster}\n")


def forget(place: Place) -> None:
    """Delete every file of the server. The caller has stopped it and holds its locks."""
    for folder in (place.cluster, place.unfinished, place.copied_binaries):
        shutil.rmtree(folder, ignore_errors=True)
    for file in (place.password, place.location):
        file.unlink(missing_ok=True)


def _nobody() -> Owner:
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:  # A bare container may have no such line; the number works without one.
        return Owner(NOBODY_ID, NOBODY_ID)
    return Owner(entry.pw_uid, entry.pw_gid)


def _refuse_foreign(cluster: Path, owner: Owner) -> None:
    # /var/tmp is open to all: somebody else could have made our folder first.
    status = cluster.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in {0, owner.uid}:
        raise EmbeddedPostgresError(
            f"{cluster} belongs to somebody else; remove it, or choose another DATA_DIR."
        )
