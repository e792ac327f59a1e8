"""Who is measured. Each module is one queue behind the same few verbs; see `contestant.py`."""

from benchmarks.contestants.contestant import Contestant, Setup

__all__ = ["Contestant", "Setup", "find"]


def find(name: str) -> Contestant:
    """Imported when asked for: the queue's own scenarios run where no peer is installed."""
    if name == "queue_core":
        from benchmarks.contestants.ours import Ours

        return Ours()
    if name == "pgqueuer":
        from benchmarks.contestants.pgqueuer_peer import PGQueuer

        return PGQueuer()
    if name == "procrastinate":
        from benchmarks.contestants.procrastinate_peer import Procrastinate

        return Procrastinate()
    from benchmarks.contestants.raw import Raw

    return Raw()
