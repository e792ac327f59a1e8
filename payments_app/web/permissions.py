"""Who may do what: the table of roles, and the one rule that every route must carry.

Deny by default: a view without a rule is refused to everybody, and a test over the URL map fails
for it. The same table decides what is drawn, so a button that would be refused is never shown.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar

from payments_app.domain.access import Role

V = TypeVar("V", bound=Callable[..., Any])
RULE = "access_rule"


class Permission(StrEnum):
    PUBLIC = "public"  # no account; a link that cannot be guessed, or the sign-in pages
    SIGNED_IN = "be signed in"
    READ_BUSINESS = "read the business"
    EDIT_BUSINESS = "edit customers and invoices"
    MOVE_MONEY = "charge and refund"
    VOID = "void invoices"
    DECIDE = "decide what the rules cannot"
    READ_OPERATIONS = "see queues and jobs"
    ACT_ON_JOBS = "act on queues and jobs"
    WATCH_LAB = "watch the lab"
    RUN_LAB = "run the lab"
    SETTINGS = "change settings"


_P = Permission
_READ = frozenset({_P.SIGNED_IN, _P.READ_BUSINESS, _P.READ_OPERATIONS, _P.WATCH_LAB})
GRANTS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: _READ
    | {_P.EDIT_BUSINESS, _P.MOVE_MONEY, _P.VOID, _P.DECIDE, _P.RUN_LAB, _P.SETTINGS},
    Role.STAFF: (_READ - {_P.READ_OPERATIONS}) | {_P.EDIT_BUSINESS, _P.MOVE_MONEY, _P.RUN_LAB},
    Role.OPERATOR: _READ | {_P.ACT_ON_JOBS, _P.DECIDE, _P.RUN_LAB},
    Role.VIEWER: _READ,
}


def allows(role: Role | None, permission: Permission) -> bool:
    """Whether the role (None: nobody is signed in) may do it."""
    if permission is Permission.PUBLIC:
        return True
    return role is not None and permission in GRANTS[role]


def roles_with(permission: Permission) -> list[Role]:
    return [role for role in Role if allows(role, permission)]


def requires(permission: Permission) -> Callable[[V], V]:
    """The rule of one view. Sits under the route, directly on the function."""

    def mark(view: V) -> V:
        setattr(view, RULE, permission)
        return view

    return mark


def rule_of(view: object) -> Permission | None:
    found: Permission | None = getattr(view, RULE, None)
    return found
