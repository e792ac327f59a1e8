"""Make `.venv` hold exactly what the lock file says: ``python3 install.py [--for run|test]``.

Nothing is done when that is so already (a stamp says it), and all is done anew when the Python
differs from the one that made `.venv`. Written for any Python 3, so that one that is too old can
say so. Packages are checked against the hashes in the lock; where they come from is pip's affair.
"""

import hashlib
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
STAMP = os.path.join(VENV, "installed-for")
PYTHON = os.path.join(VENV, "bin", "python")
OLDEST = (3, 11)
LOCKS = {"run": "requirements.lock", "test": "requirements-dev.lock"}  # The second has the first.


def main():
    purpose = sys.argv[-1] if len(sys.argv) > 1 else "run"
    if purpose not in LOCKS:
        return complain("Use: python3 install.py --for run (or: test)")
    problem = what_python_lacks()
    if problem:
        return complain(problem)
    installed = read(STAMP).split()
    if installed[1:] == [fingerprint()] and installed[0] in {purpose, "test"}:
        return 0
    if installed[1:] and installed[0] == "test":
        purpose = "test"  # A newer lock: what tests need stays installed.
    if not is_made_by_this_python():
        make_venv()
    install(purpose)
    with open(STAMP, "w") as stamp:
        stamp.write("%s %s\n" % (purpose, fingerprint()))
    return 0


def what_python_lacks():
    version = "%d.%d.%d" % sys.version_info[:3]
    if sys.version_info < OLDEST:
        return (
            "Python %d.%d or newer is needed; %s is %s. Install one (on Debian and Ubuntu:"
            " apt install python3.11 python3.11-venv; on macOS: brew install python) and name it:"
            " make run PYTHON=python3.11" % (OLDEST + (sys.executable, version))
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return "%s cannot make virtual environments. On Debian: apt install python%d.%d-venv" % (
            (sys.executable,) + sys.version_info[:2]
        )
    return None


def fingerprint():
    """What is installed: the locks, the project's own metadata, and the Python it is for."""
    digest = hashlib.sha256(sys.version.encode())
    for name in [*LOCKS.values(), "pyproject.toml", "install.py"]:
        digest.update(read(os.path.join(ROOT, name)).encode())
    digest.update(ROOT.encode())  # The editable install and the scripts name their folder.
    return digest.hexdigest()


def is_made_by_this_python():
    try:
        shown = subprocess.check_output([PYTHON, "-c", "import pip, sys; print(sys.version)"])
    except (OSError, subprocess.CalledProcessError):
        return False
    return shown.decode().split() == sys.version.split()


def make_venv():
    print("making .venv with Python %d.%d.%d" % sys.version_info[:3])
    shutil.rmtree(VENV, ignore_errors=True)
    subprocess.check_call([sys.executable, "-m", "venv", VENV])


def install(purpose):
    print("installing what is needed to %s (once; some minutes without a cache)" % purpose)
    sys.stdout.flush()
    # Quiet twice: errors only. A warning for each package of each index helps nobody here.
    pip = [PYTHON, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    if os.geteuid() == 0:
        pip.append("--root-user-action=ignore")
    lock = os.path.join(ROOT, LOCKS[purpose])
    subprocess.check_call([*pip, "--require-hashes", "-r", lock])
    # Hash mode refuses a folder; the build backend is in the lock, so nothing else is fetched.
    subprocess.check_call([*pip, "--no-deps", "--no-build-isolation", "-e", ROOT])


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def complain(message):
    sys.stderr.write(message + "\n")
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as failed:
        sys.exit(complain("This failed, see above: %s" % " ".join(failed.cmd)))
