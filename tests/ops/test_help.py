"""What ``--help`` prints: examples one below the other, as they would be typed."""

import re
from pathlib import Path

import pytest

from payments_app.cli import COMMANDS

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
GROUPS_WITH_EXAMPLES = ["audit", "jobs", "queues", "reconcile", "webhooks", "workers"]


@pytest.mark.parametrize("name", GROUPS_WITH_EXAMPLES)
def test_examples_keep_their_lines(flask_cli, name):
    assert name in COMMANDS

    shown = flask_cli(name, "--help").output

    assert "\\b" not in shown
    examples = [line for line in shown.splitlines() if "flask " in line and "Usage" not in line]
    assert examples
    assert all(line.count("flask ") == 1 for line in examples)


def test_every_command_in_the_table_of_operations_exists(flask_cli):
    """A bare word stands for the last one of the command before it: `flask jobs list` · `show`."""
    named = [command for row in rows_of_commands() for command in spelled_out(row)]

    assert len(named) > 40
    unknown = [words for words in named if flask_cli(*words, "--help").exit_code != 0]
    assert unknown == []


def rows_of_commands() -> list[list[str]]:
    table = [line for line in OPERATIONS.read_text().splitlines() if line.startswith("| `flask ")]
    return [re.findall(r"`([^`]+)`", line.split("|")[1]) for line in table]


def spelled_out(row: list[str]) -> list[list[str]]:
    found: list[list[str]] = []
    for said in row:
        words = re.sub(r" --.*", "", said).split()
        found.append(words[1:] if words[0] == "flask" else [*found[-1][:-1], *words])
    return found
