"""One concept, one file: sizes, and a paragraph at the top of each module."""

import ast
import statistics

from tests.architecture.source import ROOT, Source, sources

FILE_LINES_MAX = 250
FUNCTION_LINES_MAX = 50
MODULE_MEDIAN_MAX = 150
FUNCTION_P90_MAX = 25

# Longer than the limit, each with the reason why it is better whole.
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}


def test_no_file_is_longer_than_can_be_held_in_the_head():
    long = {
        source.name: lines
        for source in sources()
        if (lines := len(source.text.splitlines())) > FILE_LINES_MAX
    }

    assert {name: lines for name, lines in long.items() if name not in LONG_FILES} == {}


def test_no_function_is_longer_than_a_screen():
    long = {
        f"{source.name}:{function.name}": size
        for source, function, size in function_sizes()
        if size > FUNCTION_LINES_MAX
    }

    assert {name: size for name, size in long.items() if name not in LONG_FUNCTIONS} == {}


def test_most_files_and_functions_are_short():
    modules = [len(source.text.splitlines()) for source in sources()]
    functions = [size for _source, _function, size in function_sizes()]

    assert statistics.median(modules) < MODULE_MEDIAN_MAX
    assert statistics.quantiles(functions, n=10)[-1] <= FUNCTION_P90_MAX


def test_every_module_says_what_it_is():
    others = [Source(path) for path in ROOT.glob("*.py")]
    all_of_them = sources() + others + sources("tests", "demos", "exercise", "benchmarks", ".ci")
    silent = [source.name for source in all_of_them if not ast.get_docstring(source.tree)]

    assert silent == []


def test_no_exception_outlives_its_reason():
    names = {source.name for source in sources()}
    functions = {f"{source.name}:{function.name}" for source, function, _ in function_sizes()}

    assert set(LONG_FILES) <= names
    assert set(LONG_FUNCTIONS) <= functions


def function_sizes():
    for source in sources():
        for function in source.functions():
            yield source, function, (function.end_lineno or 0) - function.lineno + 1
