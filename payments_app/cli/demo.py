"""``flask demo``: the lab from the command line; the same engine, scenarios and verdicts.

Each run has a database of its own on the server that the application uses, a gateway and worker
processes of its own, and leaves nothing behind but its record. The exit code says whether the
verdict was the expected one: a naive processor that charges twice is as expected.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask import current_app

from payments_app.cli.db import database, explained
from payments_app.cli.demo_output import print_run, summary
from payments_app.cli.output import as_json_option, print_json, print_table
from payments_app.config import Config
from payments_app.lab import catalogue
from payments_app.lab.laboratory import Laboratory, RecordedOnly, laboratory_for
from payments_app.lab.moments import COLUMNS, IDEMPOTENT
from payments_app.lab.scenario import DEFAULT_SEED, Scenario

EXIT_OTHERWISE = 1


@click.group("demo")
def group() -> None:
    """The lab's scenarios: see it charge once."""


@group.command("list")
@as_json_option
def list_(*, as_json: bool) -> None:
    """Every scenario, and what is expected of each processor."""
    if as_json:
        print_json([scenario.as_json() for scenario in catalogue.SCENARIOS])
        return
    rows = [
        (each.number, each.id, each.title, _mark(each, "naive"), _mark(each, IDEMPOTENT))
        for each in catalogue.SCENARIOS
    ]
    print_table(("", "name", "scenario", "naive", IDEMPOTENT), rows, empty="")


@group.command("run")
@click.argument("name")
@click.option(
    "--processor",
    type=click.Choice(COLUMNS),
    default=IDEMPOTENT,
    show_default=True,
    help="How payments are charged; the other three charge wrongly somewhere.",
)
@click.option("--seed", type=int, default=DEFAULT_SEED, show_default=True)
@as_json_option
def run(name: str, *, processor: str, seed: int, as_json: bool) -> None:
    """Play scenario NAME (its name or number) and tell what happens.

    Exit code 0: the verdict is the one that is expected of this processor.
    """
    scenario = _scenario(name, processor)
    with explained(), _laboratory() as lab:
        try:
            [run_id] = lab.start(scenario.id, [processor], seed=seed)
        except RecordedOnly as error:
            raise click.ClickException(f"No run can be made here: {error}") from None
        if as_json:
            [told] = lab.wait([run_id])
            print_json(summary(told))
        else:
            told = print_run(lab, run_id, scenario)
    sys.exit(0 if told["as_expected"] else EXIT_OTHERWISE)


def _scenario(name: str, processor: str) -> Scenario:
    try:
        scenario = catalogue.find(name)
    except KeyError:
        names = ", ".join(each.id for each in catalogue.SCENARIOS)
        raise click.ClickException(f"There is no scenario {name}. There are: {names}.") from None
    if processor not in scenario.expected:
        there = ", ".join(scenario.processors)
        message = f"Scenario {scenario.id} makes no sense for {processor}; it has {there}."
        raise click.ClickException(message)
    return scenario


@contextmanager
def _laboratory() -> Iterator[Laboratory]:
    """A lab in the application's folder, ended with the command."""
    config: Config = current_app.extensions["config"]
    # The queue tells each insertion at INFO; the transcript tells the story.
    logging.getLogger("queue_core").setLevel(logging.WARNING)
    found = database()
    lab = laboratory_for(config, lambda: found.url)
    try:
        yield lab
    finally:
        lab.close()


def _mark(scenario: Scenario, processor: str) -> str:
    expected = scenario.expected.get(processor)
    return expected.verdict if expected else "–"
