"""A page of memory that a child writes and its supervisor reads, and that survives the child's
death.

The supervisor must know three things about a child that it can no longer ask: does it still beat,
which (id, lease) had it *started* (only those are charged for a kill, jobs held ahead are
refunded), and is one of them past its deadline. In the other direction it says when the lease was
last renewed. One writer per field; a slot's id is written last and cleared first, so that a kill
in the middle shows no slot instead of a torn one.
"""

import mmap
import struct
from dataclasses import dataclass

SLOTS_MAX = 4096

_HEADER = struct.Struct("<ddqqqq")  # beat_s, renewed_s, ready, lost, done, registered
_DOUBLE = struct.Struct("<d")
_INT = struct.Struct("<q")
_SLOT = struct.Struct("<qqd")  # id, lease, deadline_s
_BEAT, _RENEWED, _READY, _LOST, _DONE, _REGISTERED = 0, 8, 16, 24, 32, 40


@dataclass(frozen=True, slots=True)
class Started:
    """A job that a thread of this child has entered and not left."""

    id: int
    lease: int
    deadline_s: float


class Board:
    """Made by the supervisor before the fork; anonymous shared memory."""

    def __init__(self, now_s: float) -> None:
        self._page = mmap.mmap(-1, _HEADER.size + SLOTS_MAX * _SLOT.size)
        self.beat(now_s)

    def close(self) -> None:
        self._page.close()

    def beat(self, now_s: float) -> None:
        _DOUBLE.pack_into(self._page, _BEAT, now_s)

    @property
    def beat_s(self) -> float:
        return float(_DOUBLE.unpack_from(self._page, _BEAT)[0])

    def renewed(self, at_s: float) -> None:
        """The lease counts from before the renewal was sent."""
        _DOUBLE.pack_into(self._page, _RENEWED, at_s)

    @property
    def renewed_s(self) -> float:
        return float(_DOUBLE.unpack_from(self._page, _RENEWED)[0])

    @property
    def is_ready(self) -> bool:
        return self._flag(_READY)

    def set_ready(self) -> None:
        _INT.pack_into(self._page, _READY, 1)

    @property
    def is_lost(self) -> bool:
        """The worker's row is gone: whatever it holds belongs to others."""
        return self._flag(_LOST)

    def set_lost(self) -> None:
        _INT.pack_into(self._page, _LOST, 1)

    @property
    def is_done(self) -> bool:
        """It came to its end by itself. An exit status says less: a job may call os._exit(0)."""
        return self._flag(_DONE)

    def set_done(self) -> None:
        _INT.pack_into(self._page, _DONE, 1)

    @property
    def is_registered(self) -> bool:
        return self._flag(_REGISTERED)

    def set_registered(self) -> None:
        _INT.pack_into(self._page, _REGISTERED, 1)

    def start(self, slot: int, job_id: int, lease: int, deadline_s: float) -> None:
        at = _HEADER.size + slot * _SLOT.size
        _SLOT.pack_into(self._page, at, 0, lease, deadline_s)
        _INT.pack_into(self._page, at, job_id)

    def end(self, slot: int) -> None:
        _INT.pack_into(self._page, _HEADER.size + slot * _SLOT.size, 0)

    def started(self) -> list[Started]:
        rows = _SLOT.iter_unpack(self._page[_HEADER.size :])
        return [Started(job_id, lease, deadline_s) for job_id, lease, deadline_s in rows if job_id]

    def _flag(self, at: int) -> bool:
        return bool(_INT.unpack_from(self._page, at)[0])
