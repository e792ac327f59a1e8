"""The processors that must fail: a suite that cannot fail proves nothing.

Each is run as a real worker process through a trouble that its protocol cannot survive, and the
money must come out wrong; the idempotent one passes the very same trouble. When a processor of the
lab passes its trial, the trial has become too weak to mean anything, and this fails.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click
import pytest

from payments_app.lab.laboratory import Laboratory
from payments_app.lab.matrix import Matrix, is_as_promised
from payments_app.lab.moments import BY_NAME, CHECKPOINTS, COLUMNS, IDEMPOTENT, MOMENTS
from payments_app.lab.processes import GatewayProcess
from payments_app.lab.recording import as_markdown
from tests.support import trial

# processor, trouble, captures, recorded as
SHORT = [
    ("naive", "after-capture", 2, "completed"),
    ("classroom", "lost-answer", 1, "failed"),
    ("key-only", "key-forgotten", 2, "completed"),
]
MORE = [
    ("naive", "lost-answer", 2, "completed"),
    ("classroom", "before-call", 0, "processing"),
    ("key-only", "stored-error", 0, "pending"),
]
CONTROLS = [*SHORT, *(pytest.param(*each, marks=pytest.mark.full) for each in MORE)]
TROUBLES = [
    *(trouble for _, trouble, _, _ in SHORT),
    *(pytest.param(trouble, marks=pytest.mark.full) for trouble in ("before-call", "stored-error")),
]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with GatewayProcess(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.mark.parametrize(("processor", "trouble", "captures", "status"), CONTROLS)
def test_a_weaker_protocol_fails_with_this_counterexample(
    app_database_url, gateway, tmp_path, processor, trouble, captures, status
):
    result = trial.run(app_database_url, gateway, tmp_path, processor, BY_NAME[trouble])

    click.echo(f"\n{processor}, {BY_NAME[trouble].says}: {result.verdict}")
    assert result.happened, result.verdict
    assert not result.ok, f"{processor} passed: this trouble proves nothing any more"
    assert (result.captures, result.status) == (captures, status)


@pytest.mark.parametrize("trouble", TROUBLES)
def test_the_idempotent_processor_passes_the_same_trouble(
    app_database_url, gateway, tmp_path, trouble
):
    result = trial.run(app_database_url, gateway, tmp_path, IDEMPOTENT, BY_NAME[trouble])

    assert result.verdict == "taken once"


def test_every_moment_has_its_point_in_every_processor():
    own = {moment.point for moment in MOMENTS} - {None, "claim.committed"}

    assert set(CHECKPOINTS) == set(COLUMNS)
    assert all(own <= set(points) for points in CHECKPOINTS.values())


@pytest.mark.full
@pytest.mark.timeout(900)
def test_every_rival_fails_somewhere_and_the_idempotent_processor_nowhere(
    admin_url: str, tmp_path: Path
):
    lab = Laboratory(tmp_path, lambda: admin_url)
    with closing(lab):
        matrix = Matrix(lab)
        matrix.run_again()
        table = matrix.wait()

    click.echo(as_markdown(table))
    assert is_as_promised(table)
