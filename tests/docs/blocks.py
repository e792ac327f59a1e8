"""The code in a guide, run as a reader would run it, from the first line to the last.

Four kinds of block, by their language:

- ``python`` is executed; all blocks of a page share one namespace, like the cells of a notebook;
- ``python`` whose first line is a comment with a file name is written to that file;
- ``pycon`` is a conversation with the prompt: what the page shows is compared with what comes;
- ``console`` is a command that begins with ``$ python`` or ``$ pytest``, run beside those files.

What else may stand in a guide (``sh``, ``ini``, …) is read by people alone.
"""

import doctest
import os
import re
import subprocess
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy

from tests.architecture.source import ROOT

RUN = ("python", "pycon", "console")
READ = ("", "sh", "sql", "ini", "json", "text")
# What a reader replaces by their own.
READERS_URL = "postgresql://localhost/app"
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
COMMAND_SETTINGS = {
    "PYTHONPATH": str(ROOT),
    # A reader has not this project's pytest plugins, which take seconds to load.
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
}
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"# ([\w./]+\.py)\n")
_COMMAND_TIMEOUT_S = 60


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    whole = page.read_text()
    for found in _FENCE.finditer(whole):
        line = whole.count("\n", 0, found.start()) + 2
        yield Block(page, line, found[1], found[2])


class Reader:
    """Works through one page with a database of their own and an empty folder."""

    def __init__(self, page: Path, database_url: str, folder: Path) -> None:
        self.page = page
        self._url = database_url
        self._folder = folder
        # A real module: dataclasses and type hints look their own up.
        self._module = types.ModuleType(f"guide_{page.stem}")
        sys.modules[self._module.__name__] = self._module

    def run(self) -> None:
        try:
            for block in blocks(self.page):
                text = block.text.replace(READERS_URL, self._url)
                match block.language:
                    case "python" if named := _FILE.match(block.text):
                        self._write(named[1], text)
                    case "python":
                        self._execute(block, text)
                    case "pycon":
                        self._converse(block, text)
                    case "console":
                        self._command(block, text)
        finally:
            self._close()

    def _write(self, name: str, text: str) -> None:
        file = self._folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def _execute(self, block: Block, text: str) -> None:
        # Blank lines before it: a traceback then names the line of the page.
        code = compile("\n" * (block.line - 1) + text, str(self.page), "exec")
        exec(code, vars(self._module))  # noqa: S102 - this is what the page is for

    def _converse(self, block: Block, text: str) -> None:
        test = doctest.DocTestParser().get_doctest(
            text, {}, block.place, str(self.page), block.line - 1
        )
        test.globs = vars(self._module)
        said: list[str] = []
        runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
        result = runner.run(test, out=said.append, clear_globs=False)
        assert result.attempted, f"{block.place}: a conversation without a prompt"
        assert not result.failed, "".join(said)

    def _command(self, block: Block, text: str) -> None:
        command, _, expected = text.partition("\n")
        program, *arguments = command.removeprefix("$ ").split()
        known = {"python": [sys.executable], "pytest": [sys.executable, "-m", "pytest"]}
        ran = subprocess.run(
            [*known[program], *arguments],
            cwd=self._folder,
            env={**os.environ, **COMMAND_SETTINGS},
            capture_output=True,
            text=True,
            check=False,
            timeout=_COMMAND_TIMEOUT_S,
        )
        same = doctest.OutputChecker().check_output(expected, ran.stdout, FLAGS)
        assert same, f"{block.place}: {command}\nprints\n{ran.stdout}\n{ran.stderr}"

    def _close(self) -> None:
        del sys.modules[self._module.__name__]
        for value in vars(self._module).values():
            engine = getattr(value, "engine", value)
            if isinstance(engine, sqlalchemy.Engine):
                engine.dispose()
