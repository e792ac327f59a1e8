"""Who performs which kind of job.

A kind is declared once, as a JobArgs class; a Worker binds to it by its type parameter. So the
application enqueues without importing workers. One instance serves many threads: it keeps no state
per job. For simple cases a function is a worker: `@worker(queue="emails")`, its kind is its name,
its arguments any JSON object.
"""

import inspect
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Generic, TypeVar, get_args, get_origin

from queue_core.args import JobArgs, JobOptions, PlainArgs, check_json
from queue_core.errors import InvalidJob
from queue_core.job import Job
from queue_core.outcomes import Outcome

A = TypeVar("A", bound=JobArgs)


class Worker(Generic[A]):
    """Performs jobs of one kind: `class Mailer(Worker[SendMail]): def perform(self, job): …`."""

    args_type: ClassVar[type[JobArgs] | None] = None
    options: ClassVar[JobOptions]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for base in getattr(cls, "__orig_bases__", ()):
            bound = get_args(base)[0] if get_origin(base) is Worker else None
            if isinstance(bound, type) and hasattr(bound, "__job__"):
                cls.args_type = bound
                cls.options = bound.__job__

    def perform(self, job: Job[A]) -> Outcome:  # noqa: ARG002 - for subclasses
        raise TypeError(f"{type(self).__name__} must define perform(self, job)")

    def backoff(self, job: Job[A], error: BaseException | str) -> float | None:  # noqa: ARG002
        """Seconds until the next attempt; None for the default."""
        return None

    def timeout(self, job: Job[A]) -> float:  # noqa: ARG002 - for subclasses
        return self.options.timeout_s

    def decode(self, values: dict[str, Any]) -> Any:
        return self.args_type.decode(values) if self.args_type else values


class FunctionWorker(Worker[Any]):
    """What `@worker` makes of a function; still callable as that function."""

    def __init__(self, function: Callable[[Job[Any]], Outcome], options: JobOptions) -> None:
        self.function = function
        self.options = options  # type: ignore[misc]  # of the instance here: functions have no class of their own
        self.__doc__ = function.__doc__

    def perform(self, job: Job[Any]) -> Outcome:
        return self.function(job)

    def new(self, **values: Any) -> PlainArgs:
        """Arguments to insert: `queue.insert(session, send_mail.new(to="…"))`."""
        for name in values:  # Of a class they are its fields; here whatever somebody unpacked.
            check_json(name, f"{self.options.kind}: the name of an argument")
        return PlainArgs(self.options, values)

    def __call__(self, job: Job[Any]) -> Outcome:
        return self.function(job)


def worker(
    function: Callable[[Job[Any]], Outcome] | None = None,
    *,
    kind: str | None = None,
    **options: Any,
) -> Any:
    """Makes a worker of a function: `@worker` or `@worker(queue="emails", max_attempts=3,
    priority=1)`.
    """

    def wrap(function: Callable[[Job[Any]], Outcome]) -> FunctionWorker:
        if "timeout" in options:
            options["timeout_s"] = options.pop("timeout")
        if unknown := set(options) - set(JobOptions.__dataclass_fields__):
            raise InvalidJob(f"@worker: unknown options {sorted(unknown)}")
        return FunctionWorker(function, JobOptions(kind=kind or function.__name__, **options))

    return wrap if function is None else wrap(function)


WorkerLike = Worker[Any] | type[Worker[Any]]


class Registry:
    """kind -> worker, checked once when a Queue is made."""

    def __init__(self, workers: Iterable[WorkerLike] = ()) -> None:
        self._workers: dict[str, Worker[Any]] = {}
        for one in workers:
            self._add(one() if isinstance(one, type) else one)

    @property
    def kinds(self) -> list[str]:
        return sorted(self._workers)

    @property
    def isolates(self) -> bool:
        """Whether some kind runs in processes of its own."""
        return any(one.options.isolation == "process" for one in self._workers.values())

    def find(self, kind: str) -> Worker[Any]:
        return self._workers[kind]

    def __contains__(self, kind: object) -> bool:
        return kind in self._workers

    def _add(self, one: object) -> None:
        if not isinstance(one, Worker) or not hasattr(one, "options"):
            raise InvalidJob(f"{one!r} is no worker: subclass Worker[YourArgs] or use @worker")
        if inspect.iscoroutinefunction(getattr(one, "function", one.perform)):
            raise InvalidJob(
                f"{type(one).__name__}.perform is async; jobs run in threads: "
                "write a plain function"
            )
        if one.options.kind in self._workers:
            raise InvalidJob(f"kind {one.options.kind!r} is registered twice; one worker per kind")
        self._workers[one.options.kind] = one
