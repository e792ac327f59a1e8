"""The list that crash tests owe their reader: where a worker was killed, and what came of it.

A test notes the points with ``record_property(KILLED_AT, …)`` before it starts and how many kills
fired with ``record_property(FIRED, …)``; the notes travel with the reports of pytest-xdist, so the
list is whole whoever ran the tests.
"""

from collections import Counter

import pytest

KILLED_AT = "killed at"
FIRED = "kills that fired"
SHOWN = {"passed": "charged once, books clean", "failed": "FAILED"}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line per place or pair, printed by the process that collects all reports."""
    lines: dict[str, str] = {}
    counted: Counter[str] = Counter()
    for outcome, said in SHOWN.items():
        for report in terminalreporter.stats.get(outcome, []):
            noted = dict(getattr(report, "user_properties", ()))
            if KILLED_AT not in noted or (outcome == "passed" and report.when != "call"):
                continue
            counted[f"{noted.get(FIRED, 0)} fired, {said}"] += 1
            lines[noted[KILLED_AT]] = f"{noted.get(FIRED, 0)} fired  {said}"
    if not lines:
        return
    terminalreporter.section("workers were killed at")
    for where, result in sorted(lines.items()):
        terminalreporter.line(f"{where:<52} {result}")
    for result, count in sorted(counted.items()):
        terminalreporter.line(f"{count} × {result}")
