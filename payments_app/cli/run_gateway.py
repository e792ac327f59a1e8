"""``flask run-gateway``: the gateway simulator, in a process of its own until TERM or INT.

It reads its few settings here and not through ``load_config``: the gateway is another company's
machine, and must start where there is no database.
"""

import sys
from pathlib import Path

import click


@click.command("run-gateway")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    envvar="GATEWAY_PORT",
    type=click.IntRange(0, 65535),
    default=8010,
    show_default=True,
    help="Port to listen on; 0 takes a free one. [GATEWAY_PORT]",
)
@click.option(
    "--data",
    envvar="DATA_DIR",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".data"),
    show_default=True,
    help="Folder of gateway.sqlite3. [DATA_DIR]",
)
@click.option(
    "--api-key",
    envvar="GATEWAY_API_KEY",
    help="The key to accept; any sk_test_… while there is none. [GATEWAY_API_KEY]",
)
@click.option("--webhook-url", help="Where events are sent; none are sent without it.")
@click.option("--webhook-secret", envvar="GATEWAY_WEBHOOK_SECRET", help="[GATEWAY_WEBHOOK_SECRET]")
@click.option("--quiet", is_flag=True, help="No line per request.")
def run_gateway(
    *,
    host: str,
    port: int,
    data: Path,
    api_key: str | None,
    webhook_url: str | None,
    webhook_secret: str | None,
    quiet: bool,
) -> None:
    """Run the payment gateway simulator."""
    # Here, so that no other command loads it.
    from payments_app.gateway.simulator.serve import serve

    sys.exit(
        serve(
            host=host,
            port=port,
            folder=data,
            api_key=api_key or None,
            webhook_url=webhook_url,
            # While one replaces the other: "new,old". The new one signs.
            webhook_secret=(webhook_secret or "").split(",")[0].strip() or None,
            log=not quiet,
        )
    )
