"""A worker process of one contestant: `python -m benchmarks.work NAME {options}`. Ends on TERM."""

import json
import sys
from pathlib import Path

from benchmarks.contestants import Setup, find
from benchmarks.page import Page


def main() -> None:
    name, options = sys.argv[1], json.loads(sys.argv[2])
    page = Page(Path(options["page"]), options["jobs"])
    find(name).work(options["url"], page, Setup(**options["setup"]))


if __name__ == "__main__":
    main()
