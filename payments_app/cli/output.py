"""How commands print: a table for people, plain columns for pipes, JSON for programs.

Every command that lists things has ``--json``: one array of objects, times in ISO 8601, so that a
script never has to read a table.
"""

import json
import sys
from collections.abc import Callable, Sequence
from datetime import datetime

import click

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2, default=_plain, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    """A ruled table on a terminal; aligned text without rules or colours in a pipe."""
    if not rows:
        click.echo(empty)
        return
    cells = [[_shown(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _print_ruled(columns, cells)
        return
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    for line in (columns, *cells):
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def confirmed(question: str, *, yes: bool) -> bool:
    """Ask before something that cannot be taken back; a script that cannot answer gives --yes."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} Nobody is here to answer: give --yes or --dry-run.")
    return click.confirm(question)


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _print_ruled(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE, pad_edge=False)
    for column in columns:
        table.add_column(column)
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def _shown(cell: object) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, datetime):
        return cell.strftime("%Y-%m-%d %H:%M:%S")
    return " ".join(str(cell).split())


def _plain(value: object) -> object:
    shown: Callable[[], str] | None = getattr(value, "isoformat", None)
    return shown() if shown else str(value)
