"""A run as a transcript: a line for each event while it happens, then the scoreboard.

On a terminal with colours; in a pipe the same words without any.
"""

import sys
import threading
from typing import Any

import click

from payments_app.lab.laboratory import Laboratory
from payments_app.lab.scenario import Scenario

LOOK_EVERY_S = 0.1
STYLES = {
    "capture": "bold green",
    "kill": "bold red",
    "freeze": "bold red",
    "wake": "red",
    "fault": "red",
    "replay": "cyan",
    "refused": "cyan",
    "hold": "dim",
    "release": "dim",
    "verdict": "bold",
}


def summary(run: dict[str, Any]) -> dict[str, Any]:
    """What programs get."""
    names = ("scenario", "processor", "seed", "verdict", "expected", "captures")
    return {name: run[name] for name in names}


def print_run(lab: Laboratory, run_id: str, scenario: Scenario) -> dict[str, Any]:
    """Follow a run to its end; its record."""
    first = lab.records.run(run_id, with_events=False)
    _line(f"{scenario.number} {scenario.title}: {first['processor']}, seed {first['seed']}", "bold")
    _line(scenario.question, "")
    _line("", "")
    shown = 0
    while True:
        run = lab.records.run(run_id, with_events=False)
        for event in lab.records.events(run_id, after=shown):
            shown = event["seq"]
            lost = "  ✕ lost" if event["lost"] else ""
            text = f"{event['at_ms'] / 1000:7.2f} s  {event['text']}{lost}"
            _line(text, STYLES.get(event["kind"], ""))
        if run["status"] != "running":
            break
        threading.Event().wait(LOOK_EVERY_S)
    _print_end(run, scenario)
    return run


def _print_end(run: dict[str, Any], scenario: Scenario) -> None:
    _line("", "")
    for score in run["scoreboard"]:
        mark = "✓" if score["ok"] else "✗"
        style = "green" if score["ok"] else "red"
        words = f"  {mark} {score['label']:<46} {score['value']:>10}   must be {score['must_be']}"
        _line(words, style)
    why = scenario.why.get(run["processor"])
    if why and not run["inconclusive"]:
        _line(f"\nWhy: {why}", "")
    _line(f"\nCaptures in the gateway's journal: {run['captures']}", "bold")
    if run["as_expected"]:
        _line(f"{run['verdict'].upper()}, as expected", "bold")
    elif run["inconclusive"]:
        _line(f"INCONCLUSIVE: {run['inconclusive']}", "bold red")
    else:
        _line(f"{run['verdict'].upper()}, expected was: {run['expected']}", "bold red")


def _line(text: str, style: str) -> None:
    if not sys.stdout.isatty():
        click.echo(text)
        return
    from rich.console import Console
    from rich.text import Text

    Console(highlight=False).print(Text(text, style=style))
