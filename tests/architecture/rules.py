"""The rules themselves: each takes a syntax tree and yields the nodes that break it.

They are apart from the tests, so that every rule is also shown an example that it must refuse.
"""

import ast
import re
from collections.abc import Iterator

from tests.architecture.source import FunctionNode, calls, dotted, parameters

NETWORK = re.compile(
    r"(^|\.)gateway\.send$|^requests\.|^smtplib\.|\.sendmail$|\.send_message$|^urlopen$|\.urlopen$"
)
ENDS_A_TRANSACTION = re.compile(r"(^|\.)(session|connection)\.(commit|rollback)$")
OPENS_A_TRANSACTION = re.compile(r"(^|\.)(job\.session|job\.transaction|sessions\.begin)$")
ASKS_THE_TIME = re.compile(
    r"(^|\.)(datetime\.now|datetime\.utcnow|datetime\.today|date\.today|time\.time|time\.time_ns)$"
    r"|^(utcnow|time_ns)$"
)
# Secrets are drawn where they are given out; what decides or identifies is never drawn.
DRAWS_LOTS = re.compile(r"^random\.|(^|\.)uuid[147]$")
STATEMENT = re.compile(r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH|CREATE|DROP|ALTER)\s")
WRITES = re.compile(r"(^|\.)(session)\.(add|add_all|delete|merge|flush)$|^(insert|update|delete)$")
BUILDS_SQL = frozenset({"select", "insert", "update", "delete", "text"})


def takes_a_session(function: FunctionNode) -> bool:
    """Given a session, or a connection, of somebody else's transaction."""
    for parameter in parameters(function):
        annotation = dotted(parameter.annotation) if parameter.annotation else ""
        if parameter.arg == "session" or annotation.split(".")[-1] in {"Session", "Connection"}:
            return True
    return False


def dirty_hands(function: FunctionNode) -> Iterator[ast.AST]:
    """A function that was given a session ends no transaction and touches no network."""
    if takes_a_session(function):
        for call, name in calls(function):
            if ENDS_A_TRANSACTION.search(name) or NETWORK.search(name):
                yield call


def network_in_transaction(tree: ast.AST) -> Iterator[ast.AST]:
    """No call to the outside while a transaction of ours is open around it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.With) and any(
            isinstance(item.context_expr, ast.Call)
            and OPENS_A_TRANSACTION.search(dotted(item.context_expr.func))
            for item in node.items
        ):
            yield from (call for call, name in calls(node) if NETWORK.search(name))


def own_clock(tree: ast.AST) -> Iterator[ast.AST]:
    """Time and chance are given, not asked for."""
    for call, name in calls(tree):
        if ASKS_THE_TIME.search(name) or DRAWS_LOTS.search(name):
            yield call


def sql_in_strings(tree: ast.AST) -> Iterator[ast.AST]:
    """A statement hidden in a string instead of a named file."""
    documentation = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)
    }  # Docstrings may speak of SELECT.
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or id(node) in documentation:
            continue
        if isinstance(node.value, str) and STATEMENT.match(node.value):
            yield node


def sql_builders(tree: ast.AST) -> Iterator[ast.AST]:
    """Imports of what one writes statements with."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("sqlalchemy"):
            continue
        if any(alias.name in BUILDS_SQL for alias in node.names):
            yield node


def writes(tree: ast.AST) -> Iterator[ast.AST]:
    yield from (call for call, name in calls(tree) if WRITES.search(name))
