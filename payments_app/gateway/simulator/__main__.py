"""``python -m payments_app.gateway.simulator --port P --data DIR``: the gateway as a process."""

import argparse
import os
import sys
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m payments_app.gateway.simulator")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8010, help="0 takes a free one")
    parser.add_argument("--data", type=Path, required=True, help="folder of gateway.sqlite3")
    parser.add_argument("--webhook-url", help="where events are sent; none are without it")
    parser.add_argument("--quiet", action="store_true", help="no line per request")
    parser.add_argument(
        "--die-with-stdin", action="store_true", help="stop when standard input is closed"
    )
    options = parser.parse_args()

    # After the arguments: a wrong option is answered without loading Flask.
    from payments_app.gateway.simulator.serve import serve

    return serve(
        host=options.host,
        port=options.port,
        folder=options.data,
        api_key=os.environ.get("GATEWAY_API_KEY") or None,
        webhook_url=options.webhook_url,
        webhook_secret=os.environ.get("GATEWAY_WEBHOOK_SECRET") or None,
        log=not options.quiet,
        die_with_stdin=options.die_with_stdin,
    )


if __name__ == "__main__":
    sys.exit(main())
