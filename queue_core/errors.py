"""Everything the queue raises, in one family.

An error's docstring is its first sentence to a person: what happened and what to do. InvalidJob is
raised in the caller's face at enqueue, before anything is written; LeaseLost tells a runner to
roll back and stop quietly; JobCancelled, JobTimeout and JobInterrupted are raised inside a job by
`check_cancelled` and need no handling.
"""


class QueueError(Exception):
    """Base of all errors of the queue."""


class InvalidJob(QueueError, ValueError):
    """A job cannot be stored as asked: bad arguments, unknown queue or option. The message names
    the field.
    """


class UndecodableArgs(QueueError):
    """Stored arguments do not fit the declared class. Upgrade the class or redrive the job after a
    fix.
    """


class LeaseLost(QueueError):
    """Another runner owns this job now: roll back and stop. The loser must not retry."""


class SchemaMismatch(QueueError):
    """The queue's tables are missing, older or newer than this code. Run the installer of the
    newer one.
    """


class JobCancelled(QueueError):
    """An operator asked to cancel this job while it ran."""


class JobTimeout(QueueError):
    """The job ran longer than its deadline."""


class ProcessDied(QueueError):
    """The process of an isolated job ended before its outcome arrived: it crashed, exited or was
    killed. Tried again as any error.
    """


class JobInterrupted(QueueError):
    """The worker is stopping or lost its lease: the job goes back and keeps its attempt."""
