"""``flask run-workers``: the supervisor and its worker processes, until TERM.

The composition root of the workers: settings become a gateway, the gateway goes into the workers,
the workers into a Queue. Any number of these may run, on any number of machines, beside one
database.
"""

import sys
from collections.abc import Mapping
from dataclasses import replace

import click
from flask import current_app

from payments_app.cli.db import database, explained, refuse_empty
from payments_app.config import Config, parse_queues
from payments_app.db import check_answers
from payments_app.gateway.settlement_report import SimulatorReports
from payments_app.gateway.stripe_adapter import StripeGateway
from payments_app.jobs import QUEUES
from payments_app.lab import processors
from queue_core import Queue
from queue_core.errors import QueueError
from workers import registry
from workers.payment_processor import PaymentProcessor

IDEMPOTENT = "idempotent"

# As many as a payment's job has attempts. Machines that die do not speak against the job that they
# had: given up after three such deaths, a payment waited for the janitor while its customer did.
RESCUES_MAX = 20


@click.command("run-workers")
@click.option("--queues", "queues_text", metavar="NAME[:N],…", help="Default: all queues.")
@click.option("--processes", type=click.IntRange(1, 256), help="Default: WORKER_PROCESSES.")
@click.option(
    "--processor",
    type=click.Choice([*processors.NAMES, IDEMPOTENT]),
    default=IDEMPOTENT,
    show_default=True,
    help="How payments are charged; the others are for the lab and charge wrongly.",
)
@click.option(
    "--metrics-port",
    type=click.IntRange(1, 65535),
    help="Serve this node's counters for Prometheus there, on 127.0.0.1.",
)
@click.option("--metrics-host", default="127.0.0.1", show_default=True, help="Or on this address.")
def run_workers(
    queues_text: str | None,
    processes: int | None,
    processor: str,
    metrics_port: int | None,
    metrics_host: str,
) -> None:
    """Work on jobs until TERM (or Ctrl-C): running jobs end, the others are given back."""
    config: Config = current_app.extensions["config"]
    if processor != IDEMPOTENT and config.is_production:
        raise click.ClickException(
            f"--processor {processor} can charge a customer twice, so APP_ENV=production refuses"
            f" it. Leave the option out, or say --processor {IDEMPOTENT}."
        )
    if queues_text is not None:
        config = replace(config, queues=_parse_option(queues_text))
    picked = _picked(config)
    with explained():
        url = database().url
        check_answers(url)
        refuse_empty()
        try:
            code = build_queue(config, url, processor=processor).run(
                processes=processes or config.worker_processes,
                queues=picked,
                lease_s=config.lease_s,
                shutdown_timeout_s=config.shutdown_timeout_s,
                max_rescues=RESCUES_MAX,
                metrics_port=metrics_port,
                metrics_host=metrics_host,
            )
        except QueueError as error:
            raise click.ClickException(str(error)) from None
    sys.exit(code)


def build_queue(config: Config, url: str, *, processor: str = IDEMPOTENT) -> Queue:
    """The queue with every worker, as this configuration wants it."""
    gateway = StripeGateway(
        base_url=config.gateway_url,
        api_key=config.gateway_api_key,
        read_timeout_s=config.gateway_timeout_s,
    )
    parts = registry.Parts(
        gateway=gateway,
        reports=SimulatorReports(config.gateway_url),
        gateway_timeout_s=config.gateway_timeout_s,
        gateway_url=config.gateway_url,
        data_dir=config.data_dir,
        smtp_url=config.smtp_url,
        public_url=config.public_url,
        private_webhooks=not config.is_production,
    )
    workers = registry.build(parts)
    if processor != IDEMPOTENT:
        charges = processors.OneStepGateway(
            config.gateway_url, config.gateway_api_key, read_timeout_s=config.gateway_timeout_s
        )
        workers = [each for each in workers if not isinstance(each, PaymentProcessor)]
        workers.append(processors.build(processor, charges))
    return Queue(url, queues=QUEUES, workers=workers, cron=registry.CRON)


def _picked(config: Config) -> Mapping[str, int | None] | None:
    """The queues that this node serves, with lower limits where given; None means all of them."""
    unknown = sorted(set(config.queues) - set(QUEUES))
    if unknown:
        raise click.ClickException(
            f"QUEUES: there is no queue {', '.join(unknown)}. The queues are {', '.join(QUEUES)}."
        )
    return config.queues or None


def _parse_option(text: str) -> dict[str, int | None]:
    try:
        return parse_queues(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--queues") from None
