"""Two people refund the same $60 at the same moment: given back once.

The naive shop gives back $120. Ours reserves the sum under a lock; the second person is told why
not. Exit code 0 when both came out so.
"""

import sys
from pathlib import Path

# Run by its path, as `make demo` does.
sys.path.insert(0, str(Path(__file__).parent.parent))

from demos import experiment

if __name__ == "__main__":
    experiment.run("refund-race", __doc__)
