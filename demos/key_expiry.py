"""The gateway forgets its idempotency keys: a key alone charges twice.

Gateways keep keys for a day, not for ever. A worker dies after the capture and its heir comes a day
later. The protocol that has only the key charges again; ours asks first. Exit code 0 when both came
out so.
"""

import sys
from pathlib import Path

# Run by its path, as `make demo` does.
sys.path.insert(0, str(Path(__file__).parent.parent))

from demos import experiment

if __name__ == "__main__":
    experiment.run("key-expiry", __doc__, rival="key-only")
