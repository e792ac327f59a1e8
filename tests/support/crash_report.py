"""The list that crash tests owe their reader: where a worker was killed, and what came of it.

A test notes the points with ``record_property(KILLED_AT, …)`` before it starts and how many kills
fired with ``record_property(FIRED, …)``; a storm notes its FIGURES. The notes travel with the
reports of pytest-xdist, so the list is whole whoever ran the tests.
"""

from collections import Counter

import pytest

KILLED_AT = "killed at"
FIRED = "kills that fired"
FIGURES = "figures"
SHOWN = {"passed": "charged once, books clean", "failed": "FAILED"}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line per place or pair, printed by the process that collects all reports."""
    killed: dict[str, str] = {}
    figures: list[str] = []
    for outcome, said in SHOWN.items():
        for report in terminalreporter.stats.get(outcome, []):
            noted = dict(getattr(report, "user_properties", ()))
            if report.when == "teardown":
                continue
            if KILLED_AT in noted:
                killed[noted[KILLED_AT]] = f"{noted.get(FIRED, 0)} fired, {said}"
            if FIGURES in noted:
                figures.append(f"{report.nodeid.rpartition('::')[2]}: {noted[FIGURES]}")
    if killed:
        terminalreporter.section("workers were killed at")
    for where, result in sorted(killed.items()):
        terminalreporter.line(f"{where:<52} {result}")
    for result, count in sorted(Counter(killed.values()).items()):
        terminalreporter.line(f"{count} × {result}")
    for line in figures:
        terminalreporter.line(line)
