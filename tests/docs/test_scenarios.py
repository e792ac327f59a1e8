"""The scenarios that the pages tell a reader to watch are there, for the processor they name."""

import re

from payments_app.lab import catalogue
from tests.architecture.source import ROOT

COMMAND = re.compile(r"flask demo run ([\w-]+)(?: --processor ([\w-]+))?")
WATCH = re.compile(r"To watch[^.]*\.")
NAME = re.compile(r"`([a-z]+(?:-[a-z]+)+)`")
PAGES = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]


def test_every_demonstration_on_a_page_can_be_run():
    named = [found for page in PAGES for found in COMMAND.findall(page.read_text())]

    assert named
    assert [
        (scenario, processor)
        for scenario, processor in named
        if (processor or "idempotent") not in catalogue.find(scenario).expected
    ] == []


def test_every_scenario_to_watch_exists():
    page = (ROOT / "docs/guide/exactly-once.md").read_text()
    named = {name for sentence in WATCH.findall(page) for name in NAME.findall(sentence)}

    assert len(named) >= 5
    assert named <= set(catalogue.BY_ID)
