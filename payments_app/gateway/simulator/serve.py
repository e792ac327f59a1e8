"""Run the gateway: put the parts together, say where it listens, stop within a second.

Both ``python -m payments_app.gateway.simulator`` and ``flask run-gateway`` end here. What a person
can get wrong (a port in use, a folder that cannot be written) ends in a sentence, not a traceback.
"""

import errno
import os
import signal
import sys
import threading
from pathlib import Path

from payments_app.gateway.simulator.app import create_app
from payments_app.gateway.simulator.engine import Engine
from payments_app.gateway.simulator.server import GatewayServer
from payments_app.gateway.simulator.store import Store, StoreUnavailable
from payments_app.gateway.simulator.webhooks import Courier

POLL_S = 0.1
# SQLite gives the lock and the interpreter back many times per request; at the default of 5 ms,
# fifty threads wait for one another much longer than they work.
SWITCH_INTERVAL_S = 0.0005


def serve(
    *,
    host: str,
    port: int,
    folder: Path,
    api_key: str | None = None,
    webhook_url: str | None = None,
    webhook_secret: str | None = None,
    log: bool = True,
    die_with_stdin: bool = False,
) -> int:
    """Serve until TERM or INT. Returns, with the exit code, only when it cannot begin."""
    try:
        store = Store(folder)
        courier = Courier(store, url=webhook_url, secret=webhook_secret)
        engine = Engine(store, courier)
        server = GatewayServer(host, port, create_app(engine, api_key=api_key), log=log)
    except StoreUnavailable as error:
        return _complain(str(error))
    except OSError as error:
        return _complain(_address_message(host, port, error))

    sys.setswitchinterval(SWITCH_INTERVAL_S)
    _stop_on_signals(server, engine)
    if die_with_stdin:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    courier.start()
    sys.stdout.write(
        f"gateway simulator listens on http://{host}:{server.server_port}\n"
        f"  data in {store.path}, journal at /_sim/journal\n"
    )
    sys.stdout.flush()
    server.serve_forever(poll_interval=POLL_S)
    sys.stdout.flush()
    # Threads may still be inside SQLite, and closing would wait for them and for the disk. The file
    # is made to survive a kill, so the process ends like one, with the exit code of a good end.
    os._exit(0)


def _stop_on_signals(server: GatewayServer, engine: Engine) -> None:
    def stop(_signal: int, _frame: object) -> None:
        server.stopping.set()
        engine.stopping.set()
        # shutdown() waits for the loop that this handler interrupts, so another thread calls it.
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _end_with_stdin() -> None:
    """A parent that is killed closes our standard input: no orphan stays behind."""
    while sys.stdin.buffer.read(1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _address_message(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} on {host} is already in use. Stop the program that listens there, or"
            f" give another port (GATEWAY_PORT or --port)."
        )
    return f"cannot listen on {host}:{port}: {error.strerror}. Give another --host or --port."


def _complain(message: str) -> int:
    sys.stderr.write(f"run-gateway: {message}\n")
    return 1
