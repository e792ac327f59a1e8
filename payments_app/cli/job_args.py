"""Arguments of a job as they are written on a command line: JSON, checked against the kind."""

import json
from dataclasses import fields
from typing import Any

import click

from payments_app import jobs as kinds
from queue_core import JobArgs
from queue_core.errors import QueueError

# kind → arguments, as payments_app.jobs declares them.
KINDS: dict[str, Any] = {
    found.__job__.kind: found
    for found in vars(kinds).values()
    if isinstance(found, type) and issubclass(found, JobArgs) and found is not JobArgs
}


def parse_args(kind: str, text: str) -> JobArgs:
    try:
        values = json.loads(text)
    except ValueError as error:
        raise click.BadParameter(
            f"no JSON: {error}. Right: {_right(kind)}", param_hint="--args"
        ) from None
    if not isinstance(values, dict):
        message = f"a JSON object is needed. Right: {_right(kind)}"
        raise click.BadParameter(message, param_hint="--args")
    try:
        decoded: JobArgs = KINDS[kind].decode(values)
    except QueueError as error:
        raise click.BadParameter(f"{error}. Right: {_right(kind)}", param_hint="--args") from None
    return decoded


def _right(kind: str) -> str:
    return json.dumps(
        dict.fromkeys((field.name for field in fields(KINDS[kind])), "…"), ensure_ascii=False
    )
