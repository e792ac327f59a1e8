"""Many jobs of one kind in one call that are not unique: they differ in their arguments alone.

That is what a bulk insert mostly is, and it need not pay for what the others need: everything but
the arguments is checked and sent once, the arguments travel as one JSON document, and all the
database answers is a list of ids. What is checked, and what an error says, is the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from queue_core.args import ARGS_SIZE_MAX, JobArgs, PlainArgs, encode_args, options_of, to_json
from queue_core.batch import Inserted, refuse_unknown_queues
from queue_core.newjob import NewJob, prepare
from queue_core.store import Store, text_array

# Jobs per statement, and of those, arguments that are written as JSON in one go.
BATCH_SIZE, RUN_SIZE = 2000, 200
_INTEGER_MAX = 2**63


@dataclass(frozen=True, slots=True)
class Alike:
    """`first` is like all of them; each document holds the arguments of a batch."""

    first: NewJob
    documents: list[str]


def write_alike(store: Store, first: NewJob, documents: Sequence[str]) -> list[Inserted]:
    inserted: list[Inserted] = []
    for document in documents:
        row = store.insert_alike_jobs(
            queue=first.queue,
            kind=first.kind,
            priority=first.priority,
            max_attempts=first.max_attempts,
            scheduled_at=first.scheduled_at,
            delay_s=first.delay_s,
            tags=text_array(first.tag_names),
            args=document,
            meta=first.meta,
        )[0]
        if row["ids"] is None:
            refuse_unknown_queues(store, [first])
        inserted += map(Inserted, sorted(row["ids"]), repeat(False), repeat(row["state"]))
    return inserted


def find_alike(many: Sequence[JobArgs | PlainArgs], options: Mapping[str, Any]) -> Alike | None:
    """None where they are not alike, or alone."""
    if len(many) < 2 or len(set(map(type, many))) > 1:
        return None
    if len({id(options_of(one)) for one in many}) > 1:  # Of functions: all are of one class.
        return None
    first = prepare(many[0], **options)
    if first.unique_key is not None:
        return None
    batches = [many[start : start + BATCH_SIZE] for start in range(0, len(many), BATCH_SIZE)]
    return Alike(first, [f"[{','.join(_texts(batch))}]" for batch in batches])


def _texts(many: Sequence[JobArgs | PlainArgs]) -> Iterator[str]:
    """Their JSON, several at a time: to start the encoder costs more than a few numbers do."""
    run: dict[int, dict[str, Any]] = {}
    for at, one in enumerate(many):
        values = one.encode()
        if all(map(_is_simple, values.values())):
            run[at] = values
            if len(run) < RUN_SIZE:
                continue
            yield from _written(many, run)
        else:
            yield from _written(many, run)
            yield encode_args(one)[1]
        run = {}
    yield from _written(many, run)


def _written(many: Sequence[JobArgs | PlainArgs], run: dict[int, dict[str, Any]]) -> Iterator[str]:
    text = to_json(list(run.values()))[1:-1]
    if len(text) > ARGS_SIZE_MAX:  # One of them alone may be.
        yield from (encode_args(many[at])[1] for at in run)
    elif run:
        yield text


def _is_simple(value: object) -> bool:
    """Whether nothing about it needs a closer look; args.check_json names what is wrong."""
    kind = type(value)
    if kind is int:
        return -_INTEGER_MAX < value < _INTEGER_MAX  # type: ignore[operator]  # an int, here
    if kind is str:
        return value.isascii() and "\0" not in value  # type: ignore[attr-defined,operator]  # a str, here
    return value is None or kind is bool
