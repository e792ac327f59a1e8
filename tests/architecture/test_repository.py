"""What is committed: no address of a registry, locks that pin, settings that are written down."""

import ast
import re
import shutil
import subprocess
import tomllib

import pytest
import yaml

from tests import conftest
from tests.architecture.source import ROOT, Source, calls

# In pieces, so that this file does not name what it forbids.
REGISTRY_HOSTS = re.compile(
    "|".join(
        re.escape(".".join(parts))
        for parts in [
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("registry", "npmjs", "org"),
            ("registry", "yarnpkg", "com"),
            ("jfrog", "io"),
            ("artifactory", ""),
        ]
    )
)
LOCKS = ("requirements.lock", "requirements-dev.lock")


@pytest.fixture(scope="module")
def committed():
    """Text files under version control, or all of them where there is no git."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("not a clone")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_registry_is_named(committed):
    found = [
        path.name
        for path in committed
        if REGISTRY_HOSTS.search(path.read_text(encoding="utf-8", errors="ignore"))
    ]

    assert found == []


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_every_package_by_hash_and_names_no_address(name):
    text = (ROOT / name).read_text()
    entries = [line for line in text.splitlines() if line and line[0] not in " #"]

    assert "://" not in text
    assert "--index" not in text
    assert all("==" in entry for entry in entries)
    assert len(re.findall(r"^\S.*\\\n    --hash=sha256:", text, re.MULTILINE)) == len(entries)


def test_the_lock_covers_every_requirement_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    needed = {
        "requirements.lock": project["dependencies"] + extras["embedded"] + extras["build"],
        "requirements-dev.lock": [
            *project["dependencies"],
            *(requirement for extra in extras.values() for requirement in extra),
        ],
    }

    for name, requirements in needed.items():
        locked = {
            _normal(entry)
            for entry in re.findall(
                r"^([\w.-]+)(?:\[[\w,-]+\])?==", (ROOT / name).read_text(), re.MULTILINE
            )
        }
        assert {_normal(re.split(r"[^\w.-]", each)[0]) for each in requirements} <= locked


def test_every_setting_is_written_down_and_kept_from_tests():
    config = Source(ROOT / "payments_app/config.py")
    read = {
        call.args[0].value
        for call, name in calls(config.tree)
        if name.startswith("read.") and call.args and isinstance(call.args[0], ast.Constant)
    } | {"DATABASE_URL"}
    documented = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))

    assert read == documented
    assert read <= set(conftest.USERS_SETTINGS)


def test_the_checks_call_what_everybody_calls():
    text = (ROOT / ".ci/run").read_text()

    assert "\nmake check\n" in text
    assert "REQUIRE_BROWSER=1 make test\n" in text
    assert (ROOT / ".ci/run").stat().st_mode & 0o111


class TestCompose:
    @pytest.fixture
    def services(self):
        return yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]

    def test_it_has_every_part_and_two_workers(self, services):
        assert {"postgres", "migrate", "gateway", "web", "workers", "mail"} <= set(services)
        assert services["workers"]["deploy"]["replicas"] == 2

    def test_its_flask_commands_exist(self, services):
        from payments_app.cli import COMMANDS

        for service in services.values():
            words = [str(word) for word in service.get("command", [])]
            if words[:1] == ["flask"]:
                assert words[1] in COMMANDS

    def test_it_is_production_without_any_secret_in_the_file(self, services):
        for name in ("migrate", "web", "workers"):
            environment = services[name]["environment"]
            assert environment["APP_ENV"] == "production"
            for secret in ("SECRET_KEY", "GATEWAY_API_KEY", "GATEWAY_WEBHOOK_SECRET"):
                assert environment[secret].startswith(f"${{{secret}:?")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
