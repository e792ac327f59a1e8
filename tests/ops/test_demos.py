"""The demonstrations end with the verdict that they promise, and leave nothing behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

DEMOS = Path(__file__).parent.parent.parent / "demos"
pytestmark = pytest.mark.timeout(240)


def run(name: str, tmp_path: Path) -> dict:
    done = subprocess.run(
        [sys.executable, str(DEMOS / name), "--json"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == [], "the scratch folder is gone"
    verdict: dict = json.loads(done.stdout)
    return verdict


def test_fifty_requests_and_fifty_jobs_make_one_charge(tmp_path):
    verdict = run("replay_duplicates.py", tmp_path)

    assert verdict["posted"] == verdict["accepted"] == verdict["enqueued"] == 50
    assert verdict["replayed"] == 49
    assert verdict["payments_made"] == verdict["captures"] == 1


@pytest.mark.full
def test_a_worker_killed_with_the_answer_in_its_hands_makes_one_charge(tmp_path):
    verdict = run("kill_mid_charge.py", tmp_path)

    assert verdict["killed"] is True
    assert verdict["captures"] == 1


@pytest.mark.full
def test_a_lost_answer_is_never_shown_as_failed(tmp_path):
    verdict = run("lost_answer.py", tmp_path)

    assert verdict["lost"] == 1
    assert verdict["captures"] == 1
    assert "failed" not in verdict["seen"]
