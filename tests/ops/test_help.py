"""What ``--help`` prints: examples one below the other, as they would be typed."""

import pytest

from payments_app.cli import COMMANDS

GROUPS_WITH_EXAMPLES = ["audit", "jobs", "queues", "reconcile", "webhooks", "workers"]


@pytest.mark.parametrize("name", GROUPS_WITH_EXAMPLES)
def test_examples_keep_their_lines(flask_cli, name):
    assert name in COMMANDS

    shown = flask_cli(name, "--help").output

    assert "\\b" not in shown
    examples = [line for line in shown.splitlines() if "flask " in line and "Usage" not in line]
    assert examples
    assert all(line.count("flask ") == 1 for line in examples)
