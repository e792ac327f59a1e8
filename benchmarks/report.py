"""The results as a table to read and as JSON to keep."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.result import Result, Target

RESULTS = Path(__file__).parent / "results"


def table(results: Mapping[str, Result], circumstances: Mapping[str, Any]) -> str:
    """Markdown, as docs/benchmarks.md shows it."""
    return "\n".join(_lines(results, circumstances))


def _lines(results: Mapping[str, Result], circumstances: Mapping[str, Any]) -> Iterator[str]:
    yield ", ".join(f"{name} {value}" for name, value in circumstances.items())
    for result in results.values():
        yield f"\n**{result.title}**\n"
        yield "| | median | rounds |"
        yield "|---|---|---|"
        for line in result.lines:
            rounds = " · ".join(_number(value) for value in line.values)
            yield f"| {line.who} | {_number(line.median)} {line.unit} | {rounds} |"
    yield "\n**Targets**\n"
    yield "| scenario | | measured | target | |"
    yield "|---|---|---|---|---|"
    for name, result in results.items():
        for target in result.targets:
            yield f"| {name} | {target.what} | {_against(target)} |"


def _against(target: Target) -> str:
    sign = "≤" if target.at_most else "≥"
    verdict = "met" if target.is_met else "**missed**"
    measured, wanted = f"{target.measured:.2f}", f"{target.wanted:.2f}"
    return f"{measured} {target.unit} | {sign} {wanted} {target.unit} | {verdict}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def write_json(
    results: Mapping[str, Result], circumstances: Mapping[str, Any], path: Path | None
) -> Path:
    RESULTS.mkdir(exist_ok=True)
    path = path or RESULTS / time.strftime("%Y%m%dT%H%M%S.json")
    content = {
        "circumstances": dict(circumstances),
        "scenarios": {name: _plain(result) for name, result in results.items()},
    }
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False))
    return path


def _plain(result: Result) -> dict[str, Any]:
    return {
        "title": result.title,
        "lines": [{**asdict(line), "median": line.median} for line in result.lines],
        "targets": [{**asdict(target), "is_met": target.is_met} for target in result.targets],
    }
