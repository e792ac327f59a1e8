"""Two workers with one job, and the one that lost it wakes up again: one charge.

The first worker's whole machine is frozen (SIGSTOP) when it has decided to charge. Its lease runs
out, another worker takes over, and then the first one wakes up and goes on. Exit code 0 when naive
charged twice and ours once.
"""

import sys
from pathlib import Path

# Run by its path, as `make demo` does.
sys.path.insert(0, str(Path(__file__).parent.parent))

from demos import experiment

if __name__ == "__main__":
    experiment.run("stolen-lease", __doc__)
