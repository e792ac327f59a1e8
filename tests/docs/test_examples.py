"""The examples run, and end by themselves with what they promise."""

import ast
import os
import subprocess
import sys

from tests.architecture.source import ROOT, parse


def test_the_queue_alone_runs_from_installing_to_the_timetable(database_url: str):
    ran = subprocess.run(
        [sys.executable, "examples/queue_alone.py"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [
        "packing 4711 again: conflict=True, it is job 1 already",
        "pack_order      completed  attempt 1",
        "book_carrier    completed  attempt 2  ConnectionError: the carrier does not answer",
        "ask_for_review  completed  attempt 1",
        "count_stock     completed  attempt 1",
        "the timetable fired 'count at start'",
        "order 4711 was packed 1 time",
        "the worker stopped with 0",
    ]


def test_the_queue_alone_borrows_nothing_but_the_server():
    tree = parse((ROOT / "examples/queue_alone.py").read_text())
    imported = {
        node.module or "" if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    borrowed = [
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "payments_app"
        for alias in node.names
    ]
    outside = {name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names}

    assert outside == {"sqlalchemy", "queue_core", "payments_app"}
    assert borrowed == ["embedded_postgres"]
