"""The JSON edge: parse, call, answer. Bearer keys, problems, idempotency, an OpenAPI document.

A request passes through these files in this order: request_log (id) → auth (key) → parsing, fields
(values) → execution (transaction, idempotency) → its handler in customers, invoices, payments,
refunds or webhook_endpoints → a service → back through execution; whatever fails, through errors.
"""

from flask import Flask

from payments_app.api import (
    customers,
    errors,
    gateway_webhooks,
    health,
    invoices,
    metrics,
    openapi,
    payments,
    refunds,
    request_log,
    webhook_endpoints,
)

BLUEPRINTS = (
    customers.blueprint,
    invoices.blueprint,
    payments.blueprint,
    refunds.blueprint,
    webhook_endpoints.blueprint,
)


def register(app: Flask) -> None:
    """Add the API and its document, the gateway's webhooks, health and metrics."""
    request_log.register(app)
    errors.register(app)
    api = openapi.build(app)
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(metrics.blueprint)
    app.register_blueprint(gateway_webhooks.blueprint)
