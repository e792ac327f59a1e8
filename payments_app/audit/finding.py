"""What one invariant's check found."""

from dataclasses import asdict, dataclass
from typing import Any

EXAMPLES_MAX = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """``ok`` None: it could not be checked, and ``examples`` says why. That is no "yes"."""

    id: str
    title: str
    ok: bool | None
    checked: int
    failed: int
    examples: tuple[str, ...] = ()

    @classmethod
    def of(cls, id: str, title: str, *, checked: int, offenders: list[str]) -> "Finding":
        examples = tuple(offenders[:EXAMPLES_MAX])
        return cls(id, title, not offenders, checked, len(offenders), examples)

    @classmethod
    def unchecked(cls, id: str, title: str, why: str) -> "Finding":
        return cls(id, title, None, 0, 0, (f"not checked: {why}",))

    def joined(self, other: "Finding") -> "Finding":
        """Two halves of one invariant: a failure of either fails it, and it holds if both do."""
        if self.ok is False or other.ok is False:
            ok: bool | None = False
        else:
            ok = True if self.ok and other.ok else None
        examples = (*self.examples, *other.examples)[:EXAMPLES_MAX]
        failed = self.failed + other.failed
        return Finding(self.id, self.title, ok, self.checked + other.checked, failed, examples)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "examples": list(self.examples)}


def merged(*lists: list[Finding]) -> list[Finding]:
    """One finding per invariant, in order: I4 is looked at from both sides."""
    found: dict[str, Finding] = {}
    for finding in (finding for each in lists for finding in each):
        known = found.get(finding.id)
        found[finding.id] = known.joined(finding) if known else finding
    return sorted(found.values(), key=lambda finding: int(finding.id[1:]))
