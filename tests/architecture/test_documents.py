"""What the documents say is there: linked files, named tests, drawn states."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md")
    for page in ROOT.glob(pattern)
    if not page.name.startswith(".")
)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
TEST_NAME = re.compile(r"`(test_\w+)`")
TEST_FILE = re.compile(r"`((?:tests|queue_core|payments_app|workers)/[\w./-]+\w/?)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path):
    links = [link for link in LINK.findall(page.read_text()) if "://" not in link]

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_named_test_and_file_exists(page: Path):
    text = page.read_text()
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))

    assert [n for n in TEST_NAME.findall(text) if f"def {n}(" not in tests] == []
    assert [name for name in TEST_FILE.findall(text) if not (ROOT / name).exists()] == []


def test_the_states_are_drawn_from_the_tables():
    drawn = "import runpy; print(runpy.run_path('docs/draw_states.py')['page'](), end='')"

    printed = subprocess.run(
        [sys.executable, "-c", drawn], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    assert (ROOT / "docs/states.md").read_text() == printed, "run python docs/draw_states.py"
