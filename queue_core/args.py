"""The contract between who enqueues and who performs: a frozen class of small JSON values, named
once.

Options live in one `__job__` attribute, so that a field may have any name, `queue` and `priority`
included. The codec is strict in both directions: what JSON would bend (Decimal, datetime, NaN,
integer keys) is refused with the field's name at enqueue, and what an older or newer class cannot
take is refused with the field's name when it runs, never guessed.
"""

import dataclasses
import functools
import json
import math
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from queue_core.decoding import decode_args
from queue_core.errors import InvalidJob
from queue_core.unique import Unique

# Above this the row is no longer an instruction but a document: every claim would carry it through
# WAL and memory.
ARGS_SIZE_MAX = 32 * 1024
# A recorded result travels in the history row; larger ones belong into a table of their own.
RESULT_SIZE_MAX = 64 * 1024
KIND_LENGTH_MAX = 200
TAGS_SIZE_MAX = 4096
# More is a mistake, and the attempts that retries and releases add must still fit.
MAX_ATTEMPTS_MAX = 1_000_000
# Python refuses to write longer ones as text, and nobody's other language reads them.
_INTEGER_BITS_MAX = 4096


@dataclass(frozen=True, slots=True)
class JobOptions:
    """Defaults of one kind; each may be overridden at insert."""

    kind: str
    queue: str = "default"
    max_attempts: int = 20
    priority: int = 0
    tags: tuple[str, ...] = ()
    unique: Unique | None = None
    timeout_s: float = 300.0
    record: bool = False
    isolation: str = "thread"

    def __post_init__(self) -> None:
        check_options(self.kind, self.max_attempts, self.priority, self.tags)
        check_queue(self.kind, self.queue)
        object.__setattr__(self, "tags", tuple(self.tags))
        wait: object = self.timeout_s  # As given: a timedelta, or a text from a setting.
        if type(wait) not in {int, float} or not wait > 0:  # type: ignore[operator]  # NaN neither
            raise InvalidJob(
                f"{self.kind}: timeout must be more than 0 seconds, as a number, not {wait!r}"
            )
        if self.unique is not None and not isinstance(self.unique, Unique):
            raise InvalidJob(f"{self.kind}: unique must be a Unique(…) or None")
        if self.isolation not in {"thread", "process"}:
            raise InvalidJob(f"{self.kind}: isolation must be 'thread' or 'process'")


class JobArgs:
    """Base of arguments: `@dataclass(frozen=True) class SendMail(JobArgs, kind="send_mail"): to:
    str`.
    """

    __job__: ClassVar[JobOptions]

    def __init_subclass__(
        cls, *, kind: str | None = None, timeout: float = 300.0, **options: Any
    ) -> None:
        super().__init_subclass__()
        if kind is None:
            if not hasattr(cls, "__job__"):
                raise InvalidJob(
                    f'{cls.__name__} needs a kind: class {cls.__name__}(JobArgs, kind="…")'
                )
            return
        known = {field.name for field in dataclasses.fields(JobOptions)}
        if unknown := set(options) - known:
            raise InvalidJob(
                f"{cls.__name__}: unknown options {sorted(unknown)}; known are {sorted(known)}"
            )
        cls.__job__ = JobOptions(kind=kind, timeout_s=options.pop("timeout_s", timeout), **options)

    def encode(self) -> dict[str, Any]:
        if not hasattr(self, "__dataclass_fields__"):
            raise InvalidJob(f"{type(self).__name__} must be a frozen dataclass")
        return {name: getattr(self, name) for name in _field_names(type(self))}  # type: ignore[arg-type]  # a class of dataclasses looks unhashable to mypy

    @classmethod
    def decode(cls, values: Mapping[str, Any]) -> Self:
        return typing.cast("Self", decode_args(cls, values))


@dataclass(frozen=True, slots=True)
class PlainArgs:
    """Arguments of a function worker: any JSON object, under the options of that function."""

    options: JobOptions
    values: dict[str, Any]

    def encode(self) -> dict[str, Any]:
        return dict(self.values)


@functools.cache
def _field_names(cls: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(cls))


def options_of(args: object) -> JobOptions:
    if isinstance(args, PlainArgs):
        return args.options
    if isinstance(args, JobArgs) and hasattr(args, "__job__"):
        return args.__job__
    raise InvalidJob(
        f"{type(args).__name__} is no job: insert an instance of a JobArgs class, or worker.new(…)"
    )


def encode_args(args: JobArgs | PlainArgs) -> tuple[dict[str, Any], str]:
    """The values and their JSON text; InvalidJob names the field that JSON cannot hold."""
    kind = options_of(args).kind
    values = args.encode()
    try:
        for name, value in values.items():
            check_json(value, f"{kind}.{name}")
        text = to_json(values)
    except RecursionError:
        raise InvalidJob(f"{kind}.{name}: nested too deeply, or in a circle") from None
    if len(text) > ARGS_SIZE_MAX:  # All ASCII: a letter is a byte.
        raise InvalidJob(
            f"{kind}: arguments are {len(text)} bytes, allowed are {ARGS_SIZE_MAX}: "
            "pass an id, not the object"
        )
    return values, text


_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))  # dumps makes one per call


def to_json(value: Any) -> str:
    return _ENCODER.encode(value)


def check_json(value: Any, path: str) -> None:
    """Strict: what json.dumps would bend or PostgreSQL refuse is an error that names the field."""
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, str):
        if "\x00" in value:
            raise InvalidJob(f"{path}: text with a NUL character cannot be stored")
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise InvalidJob(f"{path}: text with a lone surrogate cannot be stored")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidJob(f"{path}: {value} is not JSON; pass a finite number or None")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            check_json(item, f"{path}[{index}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise InvalidJob(f"{path}: key {key!r} must be text")
            check_json(key, f"{path} (key)")
            check_json(item, f"{path}.{key}")
    elif isinstance(value, int):
        if value.bit_length() > _INTEGER_BITS_MAX:
            raise InvalidJob(f"{path}: an integer of {value.bit_length()} bits is too long")
    else:
        raise InvalidJob(
            f"{path}: {type(value).__name__} is not JSON; "
            "pass text, a number, true, false, null, a list or an object"
        )


def check_queue(kind: str, queue: object) -> None:
    """Whether it exists is for the statement to say."""
    if not isinstance(queue, str) or "\x00" in queue:
        raise InvalidJob(f"{kind}: queue must be the name of one, not {queue!r}")


def check_options(kind: object, max_attempts: object, priority: object, tags: Any) -> None:
    if not isinstance(kind, str) or not 1 <= len(kind) <= KIND_LENGTH_MAX:
        raise InvalidJob(f"kind {kind!r}: must be text of 1 to {KIND_LENGTH_MAX} characters")
    if type(max_attempts) is not int or not 1 <= max_attempts <= MAX_ATTEMPTS_MAX:
        raise InvalidJob(
            f"{kind}: max_attempts must be a whole number of 1 or more, at most "
            f"{MAX_ATTEMPTS_MAX}, not {max_attempts!r}"
        )
    if isinstance(priority, bool) or not isinstance(priority, int) or not 0 <= priority <= 9:
        raise InvalidJob(f"{kind}: priority must be 0 (first) to 9 (last), not {priority!r}")
    check_json(kind, "kind")
    if not isinstance(tags, tuple | list) or not all(isinstance(tag, str) for tag in tags):
        raise InvalidJob(f"{kind}: tags must be a tuple of texts")
    check_json(tags, f"{kind}: tags")
    if len(to_json(tags)) > TAGS_SIZE_MAX:
        raise InvalidJob(f"{kind}: tags are more than {TAGS_SIZE_MAX} bytes: they are labels")
