"""``python -m tests.exercise.judge URL FILE…``: a line of JSON with the verdict on each file.

A process of its own, because the exercise forks, and a pytest process has threads.
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from exercise.__main__ import load
from exercise.promises import PROMISES, first_broken
from exercise.trial import Trial


def main(url: str, *files: str) -> None:
    for file in files:
        with TemporaryDirectory() as folder:
            broken = first_broken(Trial(url, load(Path(file)), Path(folder)))
        title, story = (PROMISES[broken[0]].title, broken[1]) if broken else (None, None)
        sys.stdout.write(json.dumps([Path(file).stem, title, story]) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
