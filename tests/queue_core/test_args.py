"""Arguments: what is refused at enqueue, and what a stored job of another version leads to."""

import dataclasses
import math
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import pytest

from queue_core import JobArgs, worker
from queue_core.args import encode_args
from queue_core.errors import InvalidJob, UndecodableArgs
from queue_core.registry import Registry
from tests.queue_core.support import GiveWorker, Note


@dataclass(frozen=True)
class Wide(JobArgs, kind="wide", queue="other", priority=3):
    """A field may be called like an option."""

    queue: str
    count: int = 0
    ratio: float = 1.0
    names: tuple[str, ...] = ()
    extra: dict[str, int] = field(default_factory=dict)
    maybe: str | None = None


def deep(levels: int) -> list[object]:
    value: list[object] = []
    for _ in range(levels):
        value = [value]
    return value


def test_arguments_survive_the_trip_through_json() -> None:
    wide = Wide(queue="q", count=2, ratio=3, names=("a", "b"), extra={"x": 1}, maybe=None)

    values, _ = encode_args(wide)

    assert Wide.decode({**values, "names": ["a", "b"]}) == wide


def test_options_stay_apart_from_fields_of_the_same_name() -> None:
    assert (Wide.__job__.queue, Wide(queue="mine").queue) == ("other", "mine")


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (Decimal("1.5"), r"note\.text: Decimal is not JSON"),
        (datetime(2026, 1, 1), r"note\.text: datetime is not JSON"),  # noqa: DTZ001
        (float("nan"), r"note\.text: nan is not JSON"),
        ("a\x00b", r"note\.text: text with a NUL"),
        ("\ud800", r"note\.text: text with a lone surrogate"),
        ({"a": [1, {2: 3}]}, r"note\.text\.a\[1\]: key 2 must be text"),
        (1 << 5000, r"note\.text: an integer of 5001 bits"),
        (deep(100_000), r"note\.text: nested too deeply, or in a circle"),
        (
            "x" * 33_000,
            r"note: arguments are \d+ bytes, allowed are 32768: pass an id, not the object",
        ),
    ],
)
def test_what_json_would_bend_is_refused_with_the_name_of_its_field(
    value: object, complaint: str
) -> None:
    with pytest.raises(InvalidJob, match=complaint):
        encode_args(Note(value))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("stored", "complaint"),
    [
        ({}, "field 'queue' is missing"),
        ({"queue": "q", "colour": 1}, "stored field 'colour' is unknown to Wide"),
        ({"queue": 1}, "field 'queue' must be str, not int"),
        ({"queue": "q", "count": "2"}, "field 'count' must be int, not str"),
        ({"queue": "q", "count": True}, "field 'count' must be int, not bool"),
        ({"queue": "q", "maybe": 5}, "field 'maybe' must be NoneType or str, not int"),
    ],
)
def test_stored_arguments_of_another_version_are_refused_by_name(
    stored: dict[str, object], complaint: str
) -> None:
    with pytest.raises(UndecodableArgs, match=complaint):
        Wide.decode(stored)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"max_attempts": 0}, "max_attempts must be a whole number of 1 or more"),
        ({"priority": 10}, "priority must be 0 .* to 9"),
        ({"max_attempts": 1 << 31}, "max_attempts must be a whole number"),
        ({"tags": "vip"}, "tags must be a tuple"),
        ({"tags": ("a\x00",)}, "bad: tags.* NUL"),
        ({"tags": ("\ud800",)}, "bad: tags.* lone surrogate"),
        ({"tags": ("x" * 5000,)}, "tags are more than"),
        ({"timeout": 0}, "timeout must be more than 0"),
        ({"timeout": "30"}, "timeout must be more than 0 seconds, as a number, not '30'"),
        ({"timeout": math.nan}, "timeout must be more than 0 seconds"),
        ({"unique": True}, r"unique must be a Unique\(…\) or None"),
        ({"retries": 3}, r"unknown options \['retries'\]"),
        ({"isolation": "cloud"}, "isolation must be"),
    ],
)
def test_impossible_options_are_refused_when_the_class_is_made(
    options: dict[str, object], complaint: str
) -> None:
    with pytest.raises(InvalidJob, match=complaint):
        type("Bad", (JobArgs,), {}, kind="bad", **options)


def test_a_kind_is_performed_by_one_worker_only() -> None:
    with pytest.raises(InvalidJob, match="kind 'give' is registered twice"):
        Registry([GiveWorker, GiveWorker()])


def test_a_function_becomes_a_worker_of_its_name() -> None:
    @worker(queue="other", max_attempts=3, priority=1)  # type: ignore[untyped-decorator]
    def send_mail(job: object) -> None:
        return None

    new = send_mail.new(to="a@example.com")

    assert (new.options.kind, new.options.max_attempts, new.encode()) == (
        "send_mail",
        3,
        {"to": "a@example.com"},
    )


def test_a_name_that_cannot_be_stored_is_refused() -> None:
    @worker
    def send_mail(job: object) -> None:
        """Takes whatever it is given."""

    with pytest.raises(InvalidJob, match=r"send_mail: the name of an argument: .* NUL"):
        send_mail.new(**{"t\x00": 1})


def test_an_async_worker_is_refused_at_start() -> None:
    @worker
    async def later(job: object) -> None:
        return None

    with pytest.raises(InvalidJob, match="is async"):
        Registry([later])


def test_arguments_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Note("a").text = "b"  # type: ignore[misc]
