"""Runs of the two checks that look at everything: the audit and the reconciliation.

A check whose result nobody can look up is forgotten the day after; a row per run also tells since
when something is wrong.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payments_app.domain.base import Base, created_at, prefixed_id


class AuditRun(Base):
    """One audit. ``ok`` None: nothing was found wrong, and not everything could be looked at."""

    __tablename__ = "audit_runs"
    __table_args__ = (Index("audit_runs_finished_idx", "finished_at"),)

    id: Mapped[str] = prefixed_id("aud")
    actor: Mapped[str]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime] = created_at()
    ok: Mapped[bool | None]
    findings: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    trouble: Mapped[str | None]

    @property
    def failed(self) -> list[str]:
        """The ids of the invariants that do not hold."""
        return [str(each["id"]) for each in self.findings if each["ok"] is False]


class ReconciliationRun(Base):
    """One comparison with the gateway's report. ``trouble``: why there was nothing to compare."""

    __tablename__ = "reconciliation_runs"
    __table_args__ = (Index("reconciliation_runs_finished_idx", "finished_at"),)

    id: Mapped[str] = prefixed_id("rec")
    actor: Mapped[str]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime] = created_at()
    lines: Mapped[int] = mapped_column(default=0)
    compared: Mapped[int] = mapped_column(default=0)
    found: Mapped[int] = mapped_column(default=0)
    repaired: Mapped[int] = mapped_column(default=0)
    left_open: Mapped[int] = mapped_column(default=0)
    kinds: Mapped[dict[str, int]] = mapped_column(JSONB, default=dict)
    trouble: Mapped[str | None]
