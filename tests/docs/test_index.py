"""Nobody has to guess that a page exists: all are reached from the README."""

import re
from pathlib import Path

from tests.architecture.source import ROOT

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
ANCHOR = re.compile(r"\]\(([^)#\s]*)#([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def test_every_page_is_reached_from_the_readme():
    found: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in found:
            continue
        found.add(page)
        links = [(page.parent / link).resolve() for link in LINK.findall(page.read_text())]
        waiting += [link for link in links if link.suffix == ".md" and link.is_file()]

    assert sorted(page.name for page in set((ROOT / "docs").rglob("*.md")) - found) == []


def test_the_readme_leads_to_every_guide_and_example_by_itself():
    linked = set(LINK.findall((ROOT / "README.md").read_text()))
    guides = {str(page.relative_to(ROOT)) for page in (ROOT / "docs/guide").glob("*.md")}
    examples = {str(file.relative_to(ROOT)) for file in (ROOT / "examples").glob("*.py")}

    assert (guides | examples) - linked == set()


def test_every_link_into_a_page_meets_a_heading():
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    lost = [
        f"{page.name}: {file}#{anchor}"
        for page in pages
        for file, anchor in ANCHOR.findall(page.read_text())
        if "://" not in file and anchor not in _anchors((page.parent / file) if file else page)
    ]

    assert lost == []


def _anchors(page: Path) -> set[str]:
    headings = HEADING.findall(page.read_text())
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
