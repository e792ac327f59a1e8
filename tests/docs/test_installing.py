"""The queue can be installed and migrated alone: what the guide promises about both."""

import ast
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import sqlalchemy
from alembic.migration import MigrationContext
from alembic.operations import Operations
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from queue_core import schema
from tests.architecture.source import ROOT, sources
from tests.docs.blocks import blocks

OWN = tomllib.loads((ROOT / "queue_core/pyproject.toml").read_text())["project"]
# As imported → as required.
DISTRIBUTIONS = {"psycopg": "psycopg[binary]"}
# What an application imports by itself, when it has what that needs.
OPTIONAL = ("queue_core/metrics/", "queue_core/testing/plugin.py")


def test_the_queues_own_requirements_are_what_it_imports_as_the_project_asks_for_them():
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    imported = {
        name
        for source in sources("queue_core")
        if not source.name.startswith(OPTIONAL)
        for node in source.tree.body
        for name in _imported(node)
        if name not in {*sys.stdlib_module_names, "queue_core"}
    }
    required = {re.split(r"[<>=]", text)[0]: text for text in OWN["dependencies"]}

    assert {DISTRIBUTIONS.get(name, name) for name in imported} == set(required)
    assert {*OWN["dependencies"], *_extras(OWN)} <= {*whole["dependencies"], *_extras(whole)}
    assert OWN["version"] == whole["version"]


def test_the_guides_migration_makes_the_tables_and_removes_them(database_url: str, tmp_path: Path):
    page = ROOT / "docs/guide/queue.md"
    text = next(one.text for one in blocks(page) if one.text.startswith("# migrations/"))
    migration: dict[str, Any] = {}
    exec(compile(text, str(page), "exec"), migration)  # noqa: S102 - as Alembic would
    engine = sqlalchemy.create_engine(database_url)

    with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        migration["upgrade"]()
        after_upgrade = schema.installed_version(connection, "queue")
        migration["downgrade"]()
        after_downgrade = schema.installed_version(connection, "queue")
    engine.dispose()

    assert (after_upgrade, after_downgrade) == (schema.version(), 0)


def test_a_locked_package_is_pinned_with_the_extras_that_others_ask_of_it():
    """Without them pip before 23.3 finds the newest `coverage[toml]`, and refuses it unpinned."""
    for name in ("requirements.lock", "requirements-dev.lock"):
        pinned = {
            found.name: found.extras
            for line in (ROOT / name).read_text().splitlines()
            if re.match(r"[a-z0-9]", line)
            for found in [Requirement(line.rstrip(" \\"))]
        }
        asked = [
            (package, wanted)
            for package, extras in pinned.items()
            for wanted in _wanted_with_extras(package, extras)
        ]

        assert asked
        assert [
            (package, str(wanted))
            for package, wanted in asked
            if not wanted.extras <= pinned.get(canonicalize_name(wanted.name), set())
        ] == []


def _wanted_with_extras(package: str, extras: set[str]) -> list[Requirement]:
    try:
        texts = metadata.requires(package) or []
    except metadata.PackageNotFoundError:
        return []  # For another system or Python than this one.
    found = [Requirement(text) for text in texts]
    chosen = [{"extra": extra} for extra in ("", *extras)]
    return [
        one
        for one in found
        if one.extras and (one.marker is None or any(one.marker.evaluate(each) for each in chosen))
    ]


def _extras(project: dict[str, Any]) -> list[str]:
    return [text for extra in project["optional-dependencies"].values() for text in extra]


def _imported(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [(node.module or "").partition(".")[0]]
    return []
