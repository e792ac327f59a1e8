"""`make clean`: remove what `make` made here, the embedded database and its data included."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
VENV_PYTHON = ROOT / ".venv" / "bin" / "python"
REMOVE = (
    "import sys, pathlib; from payments_app import embedded_postgres;"
    " embedded_postgres.remove(pathlib.Path(sys.argv[1]))"
)
CACHES = (".mypy_cache", ".pytest_cache", ".ruff_cache", ".import_linter_cache", ".hypothesis")


def main() -> int:
    own = [ROOT / ".pytest_postgres", ROOT / "benchmarks" / ".data"]
    for data_dir in (Path(os.environ.get("DATA_DIR") or ROOT / ".data"), *own):
        if data_dir.exists():
            if VENV_PYTHON.exists():
                # Root's data lie elsewhere, and a server may run on them: its own code knows.
                done = subprocess.run([VENV_PYTHON, "-c", REMOVE, data_dir], cwd=ROOT, check=False)
                if done.returncode != 0:
                    return done.returncode
            shutil.rmtree(data_dir)
    for name in (*CACHES, ".venv", "benchmarks/.venv"):
        shutil.rmtree(ROOT / name, ignore_errors=True)
    for cache in [path for path in ROOT.rglob("__pycache__") if ".git" not in path.parts]:
        shutil.rmtree(cache, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
