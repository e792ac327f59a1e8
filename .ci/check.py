"""Everything that tools can check without running the product: `make check`.

All checks run, also after one has failed, and the last lines say which did. The audit of the
dependencies needs the network and asks somebody else's service: it never fails for being offline.
"""

import subprocess
import sys
import time
from pathlib import Path

BIN = Path(sys.executable).parent
CHECKS = {
    "ruff check": ["ruff", "check", "--quiet", "."],
    "ruff format": ["ruff", "format", "--check", "--quiet", "."],
    "mypy": ["mypy", "--no-error-summary"],
    "import contracts": ["lint-imports", "--no-logo"],
    "architecture": ["pytest", "-q", "-n0", "tests/architecture"],
}
AUDIT = ["pip-audit", "--progress-spinner=off", "--disable-pip", "-r", "requirements-dev.lock"]
AUDIT_TIMEOUT_S = 60
# pip-audit's own exit code for "vulnerabilities found"; it uses the same for "could not ask".
AUDIT_FOUND = "known vulnerabilit"


def main() -> int:
    failed = [name for name, command in CHECKS.items() if not passes(name, command)]
    if not audit_passes():
        failed.append("pip-audit")
    print(f"failed: {', '.join(failed)}" if failed else "all checks passed")
    return 1 if failed else 0


def passes(name: str, command: list[str]) -> bool:
    began = time.monotonic()
    done = subprocess.run(
        [BIN / command[0], *command[1:]], capture_output=True, text=True, check=False
    )
    print(
        f"{'ok' if done.returncode == 0 else 'FAILED':<7} {name} {time.monotonic() - began:.1f} s"
    )
    if done.returncode != 0:
        print(done.stdout + done.stderr)
    sys.stdout.flush()
    return done.returncode == 0


def audit_passes() -> bool:
    try:
        done = subprocess.run(
            [BIN / AUDIT[0], *AUDIT[1:]],
            capture_output=True,
            text=True,
            check=False,
            timeout=AUDIT_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        print("skipped pip-audit: the service does not answer")
        return True
    if done.returncode != 0 and AUDIT_FOUND in done.stderr.lower():
        print(f"FAILED  pip-audit\n{done.stdout}{done.stderr}")
        return False
    print("ok      pip-audit" if done.returncode == 0 else "skipped pip-audit: no answer")
    return True


if __name__ == "__main__":
    sys.exit(main())
