"""``python -m exercise [FILE]``: how many promises the InvoiceProcessor in this file keeps.

Starts a PostgreSQL of its own in a scratch folder and removes it again. Exit code 0 when all
promises are kept.
"""

import importlib.util
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from sqlalchemy import NullPool, create_engine, inspect, make_url

from exercise.office import SendInvoice
from exercise.promises import PROMISES, first_broken
from exercise.trial import Trial
from payments_app import embedded_postgres
from queue_core import Worker

YOURS = Path(__file__).parent / "invoice_processor.py"
# Nothing here outlives the exercise, so nothing is forced to the disk.
SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=YOURS)
@click.option("--database-url", help="An empty database of yours. Otherwise one is made.")
def main(file: Path, database_url: str | None) -> None:
    """Judge the InvoiceProcessor in FILE (yours, when none is named)."""
    # What a job raises is shown in the report: its log lines would say it again.
    logging.getLogger("queue_core").addHandler(logging.NullHandler())
    processor = load(file)
    with TemporaryDirectory(prefix="charged-once-exercise-") as name:
        folder = Path(name)
        with database(folder, database_url) as url:
            broken = first_broken(Trial(url, processor, folder))
    click.echo(report(broken))
    sys.exit(0 if broken is None else 1)


def load(file: Path) -> type[Worker[SendInvoice]]:
    """The class ``InvoiceProcessor`` of this file."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise click.ClickException(f"{file} is no Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    found = getattr(module, "InvoiceProcessor", None)
    if not (isinstance(found, type) and issubclass(found, Worker)):
        raise click.ClickException(f"{file} has no class InvoiceProcessor(Worker[SendInvoice]).")
    return found


@contextmanager
def database(folder: Path, given: str | None) -> Iterator[str]:
    if given:
        yield checked(given)
        return
    try:
        with embedded_postgres.server(folder, settings=SETTINGS) as url:
            yield url
    finally:
        embedded_postgres.remove(folder)


def checked(given: str) -> str:
    """The address with the driver that is installed; refused where others have their tables."""
    url = make_url(given).set(drivername="postgresql+psycopg")
    with create_engine(url, poolclass=NullPool).connect() as connection:
        schemas = set(inspect(connection).get_schema_names())
        if inspect(connection).get_table_names() or (
            "queue" in schemas and "office" not in schemas
        ):
            raise click.ClickException("This database is not empty; the exercise deletes rows.")
    return url.render_as_string(hide_password=False)


def report(broken: tuple[int, str] | None) -> str:
    kept = len(PROMISES) if broken is None else broken[0]
    lines = [f"  {_mark(index - kept)} {one.title}" for index, one in enumerate(PROMISES)]
    lines += ["", f"{kept} of {len(PROMISES)} promises kept."]
    if broken is None:
        lines += ["Nothing is lost and nothing is doubled, wherever the worker dies."]
    else:
        promise = PROMISES[kept]
        story, hint = _paragraph(broken[1]), _paragraph(f"Hint: {promise.hint}")
        lines += [f"Next: {promise.title}.", *story, *hint]
    return "\n".join(lines)


def _mark(from_next: int) -> str:
    if from_next < 0:
        return click.style("✓", fg="green")
    return click.style("✗", fg="red") if from_next == 0 else "·"


def _paragraph(words: str) -> list[str]:
    return ["", click.wrap_text(words, initial_indent="  ", subsequent_indent="  ")]


if __name__ == "__main__":
    main()
