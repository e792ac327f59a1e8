"""“Copy as test”: a run as a command line, and as a test that anybody may put beside ours."""

from typing import Any

_TEST = """\
from payments_app.lab.laboratory import Laboratory


def test_{name}(tmp_path, admin_url):
    lab = Laboratory(tmp_path, lambda: admin_url)
    try:
        [run] = lab.wait(lab.start("{scenario}", ["{processor}"], seed={seed}))
    finally:
        lab.close()

    assert run["verdict"] == "{verdict}"
    assert run["captures"] == {captures}
"""


def as_command(run: dict[str, Any]) -> str:
    processor, seed = run["processor"], run["seed"]
    return f".venv/bin/flask demo run {run['scenario']} --processor {processor} --seed {seed}"


def as_test(run: dict[str, Any]) -> str:
    name = f"{run['scenario']}_{run['processor']}".replace("-", "_").replace(":", "_")
    return _TEST.format(name=name, **run)
