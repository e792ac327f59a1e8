"""The exercise can be solved, and is not solved by what most of us write first."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from exercise.__main__ import checked
from exercise.promises import PROMISES
from tests.architecture.source import ROOT

HERE = Path(__file__).parent
YOURS = ROOT / "exercise/invoice_processor.py"
# A wrong solution, the promise that it breaks first, and what that means for a customer.
WRONG = {
    "number_taken_apart": ("No number is lost", "number 1 was taken and never used"),
    "never_looks": ("An invoice keeps its number", "invoice 1 became invoice 2"),
    "draws_in_the_transaction": ("Nobody waits for the printer", "a transaction was open"),
    "mails_before_the_commit": ("One mail, asked twice or killed anywhere", "Ada got 2 mails"),
    "mails_after_the_commit": ("One mail, asked twice or killed anywhere", "Ada never got a mail"),
    "looks_only_once": ("Who was overtaken writes nothing", "Ada got 2 mails"),
}


def test_the_solution_keeps_all_promises(database_url: str):
    assert _verdicts(database_url, "exercise/solution.py") == [["solution", None, None]]


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["mails_after_the_commit", "looks_only_once"], id="short"),
        pytest.param(list(WRONG), id="full", marks=pytest.mark.full),
    ],
)
def test_each_mistake_breaks_its_own_promise_and_says_who_is_hurt(
    database_url: str, names: list[str]
):
    mistakes = _verdicts(database_url, *(f"tests/exercise/wrong/{name}.py" for name in names))

    assert {name: title for name, title, _story in mistakes} == {
        name: WRONG[name][0] for name in names
    }
    assert [name for name, _, story in mistakes if WRONG[name][1] not in story] == []


def test_each_promise_but_the_first_is_broken_by_a_known_mistake():
    assert {title for title, _ in WRONG.values()} == {one.title for one in PROMISES[1:]}
    assert {file.stem for file in (HERE / "wrong").glob("*.py")} == set(WRONG)


def test_the_skeleton_keeps_nothing_yet_and_says_what_comes_next(database_url: str):
    if "raise NotImplementedError" not in YOURS.read_text():
        pytest.skip("exercise/invoice_processor.py is no skeleton any more: somebody works on it")
    ran = _python("-m", "exercise", "--database-url", database_url)

    page = (ROOT / "docs/guide/exercise.md").read_text()
    assert ran.returncode == 1, ran.stderr
    assert _words(ran.stdout) in _words(page), ran.stdout


def test_a_database_with_anybody_elses_tables_is_refused(app_database_url: str, database_url: str):
    assert checked(database_url) == database_url
    with pytest.raises(click.ClickException, match="not empty"):
        checked(app_database_url)


@pytest.mark.full
def test_it_brings_its_own_server_and_needs_nothing_exported():
    ran = _python("-m", "exercise", "exercise/solution.py")

    assert (ran.returncode, ran.stderr) == (0, "")
    assert "6 of 6 promises kept." in ran.stdout


def _verdicts(url: str, *files: str) -> list[list[str]]:
    judged = _python("-m", "tests.exercise.judge", url, *files)
    assert judged.returncode == 0, judged.stderr
    return [json.loads(line) for line in judged.stdout.splitlines()]


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.endswith("DATABASE_URL")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )


def _words(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
