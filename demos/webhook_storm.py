"""Every webhook five times, out of order, before the answer: counted once.

The naive shop obeys each delivery and posts the capture as often. Ours takes a webhook for a hint
to look. Exit code 0 when both came out so.
"""

import sys
from pathlib import Path

# Run by its path, as `make demo` does.
sys.path.insert(0, str(Path(__file__).parent.parent))

from demos import experiment

if __name__ == "__main__":
    experiment.run("webhook-storm", __doc__)
