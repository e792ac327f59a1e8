"""Ada clicks Pay twice within a moment: one charge.

A shop that compares nothing enqueues a charge for each click and charges twice. Ours takes both
clicks for one request, because both carry the key of the form. Exit code 0 when both came out so.
"""

import sys
from pathlib import Path

# Run by its path, as `make demo` does.
sys.path.insert(0, str(Path(__file__).parent.parent))

from demos import experiment

if __name__ == "__main__":
    experiment.run("double-click", __doc__)
