"""No part outlives the parent that started it, however the parent ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from payments_app.cli.parts import GUARD
from tests.support.processes import Running, marked
from tests.support.waiting import wait_until

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="asks /proc")

# A parent that starts one part, under a guard or bare, says so, and waits.
PARENT = """
import os, subprocess, sys
reader, writer = os.pipe()
command = [sys.executable, "-c", sys.argv[2]]
if sys.argv[1] != "bare":
    command = [sys.executable, "-I", "-S", sys.argv[1], str(reader), "1", *command]
subprocess.Popen(command, pass_fds=[reader], start_new_session=True)
import signal; signal.pause()
"""
PART = "import signal; print('part runs', flush=True); signal.pause()"
DEAF_PART = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    " print('part runs', flush=True)\nwhile True: signal.pause()"
)


@pytest.fixture
def start(tmp_path):
    running = []

    def start_parent(guard, part):
        command = [sys.executable, "-c", PARENT, guard, part]
        parent = Running(command, mark=str(tmp_path), env={}, cwd=tmp_path)
        running.append(parent)
        parent.wait_for_line("part runs")
        return parent

    yield start_parent
    for each in running:
        each.close()


@pytest.mark.parametrize("part", [PART, DEAF_PART], ids=["a part", "a deaf part"])
def test_a_part_ends_when_its_parent_is_killed(start, part):
    parent = start(str(GUARD), part)

    parent.process.kill()

    wait_until(lambda: not marked(parent.mark), what="the guard ends its part")


def test_without_the_guard_the_part_would_live_on(start):
    parent = start("bare", PART)

    parent.process.kill()
    parent.process.wait()

    assert len(marked(parent.mark)) == 1


def test_a_guard_passes_on_how_its_part_ended(tmp_path):
    reader, writer = os.pipe()
    command = [sys.executable, "-I", "-S", str(GUARD), str(reader), "1"]

    def code_of(script):
        part = [sys.executable, "-c", script]
        return subprocess.run([*command, *part], pass_fds=[reader], check=False).returncode

    assert code_of("raise SystemExit(7)") == 7
    assert code_of("import os; os.kill(os.getpid(), 9)") == 128 + signal.SIGKILL
    os.close(reader)
    os.close(writer)
