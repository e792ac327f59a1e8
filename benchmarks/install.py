"""Make `benchmarks/.venv` hold exactly what requirements.txt says.

An environment of its own, so that the peers never become dependencies of the project. Nothing is
done when it is so already.
"""

import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
VENV = HERE / ".venv"
STAMP = VENV / "installed-for"
REQUIREMENTS = HERE / "requirements.txt"


def main() -> None:
    wanted = hashlib.sha256(sys.version.encode() + REQUIREMENTS.read_bytes()).hexdigest()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    print("installing what the benchmarks need (once)", flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    venv.create(VENV, with_pip=True)
    pip = [str(VENV / "bin/python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "--disable-pip-version-check", "-r", str(REQUIREMENTS)], check=True)
    STAMP.write_text(wanted)


if __name__ == "__main__":
    main()
