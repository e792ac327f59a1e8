"""The project's own Python files as syntax trees, and small questions about them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("queue_core", "workers", "payments_app")
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One file. ``name`` is its path from the project's root, with slashes."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    def functions(self) -> Iterator[FunctionNode]:
        for node in ast.walk(self.tree):
            if isinstance(node, FunctionNode):
                yield node

    def at(self, node: ast.AST) -> str:
        return f"{self.name}:{getattr(node, 'lineno', 1)}"


def sources(*folders: str) -> list[Source]:
    """Every Python file under these folders; of the three packages when none is named."""
    return [
        Source(path)
        for folder in folders or PACKAGES
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not {"__pycache__", ".venv"} & set(path.parts)
    ]


def parse(text: str) -> ast.Module:
    return ast.parse(text)


def calls(node: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    """Every call below ``node`` with its dotted name, for example ``self.gateway.send``."""
    for child in ast.walk(node):
        if isinstance(child, ast.Call):
            yield child, dotted(child.func)


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Call):
        return f"{dotted(node.func)}()"
    return "?"


def parameters(function: FunctionNode) -> list[ast.arg]:
    given = function.args
    return [*given.posonlyargs, *given.args, *given.kwonlyargs]
