"""Whether a process lives, without asking for a tool that slim containers lack."""

import os
import subprocess
import sys

from payments_app.process_table import is_running, parent_of


def test_a_child_is_known_with_its_parent_until_it_ends():
    child = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)

    assert is_running(child.pid)
    assert parent_of(child.pid) == os.getpid()

    child.communicate()
    assert not is_running(child.pid)
    assert parent_of(child.pid) is None


def test_a_dead_process_that_nobody_buried_does_not_run():
    child = subprocess.Popen([sys.executable, "-S", "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

    assert not is_running(child.pid)

    child.wait()


def test_no_tool_is_needed_where_there_is_proc(monkeypatch):
    monkeypatch.setenv("PATH", "")

    assert is_running(os.getpid())
