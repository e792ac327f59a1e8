"""What operators and the cluster want of this process, read from tables once a poll.

Desired state lives in rows, so an order holds across restarts and behind a pooler; a NOTIFY only
makes it faster.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from queue_core.runtime.options import RuntimeOptions
from queue_core.settings import QueueSettings
from queue_core.store import Store


@dataclass(frozen=True, slots=True)
class Orders:
    """`cancelled` names running jobs that were asked to stop; `is_solo_due` a suspect that must
    run alone (R8).
    """

    queues: dict[str, QueueSettings] = field(default_factory=dict)
    paused: frozenset[str] = frozenset()
    cancelled: dict[tuple[int, int], str] = field(default_factory=dict)
    is_draining: bool = False
    is_leader_wanted: bool = False
    is_solo_due: bool = False


def read_orders(
    store: Store, worker_id: UUID, options: RuntimeOptions, kinds: Sequence[str]
) -> Orders:
    row = store.read_orders(
        queues=[settings.name for settings in options.queues],
        kinds=list(kinds),
        worker_id=worker_id,
        max_rescues=options.max_rescues,
    )[0]
    queues = row["queues"] or []
    return Orders(
        queues={
            one["name"]: QueueSettings(
                one["name"],
                one["process_limit"],
                global_limit=one["global_limit"],
                rate=(one["rate_starts"], one["rate_period_s"]) if one["rate_starts"] else None,
                by=one["limit_key_field"],
            )
            for one in queues
        },
        paused=frozenset(one["name"] for one in queues if one["paused"]),
        cancelled={
            (job_id, lease): reason or "cancelled"
            for job_id, lease, reason in row["cancelled"] or []
        },
        is_draining=bool(row["draining"]),
        is_leader_wanted=row["leader_wanted"],
        is_solo_due=row["solo_waiting"],
    )
