"""The pages: business, operations, lab, public invoices, account, settings. Scripts only shorten.

A view opens one transaction, calls one verb or one query, and renders. Every GET works without
JavaScript, every POST is a form that answers 303, and everything that can be seen is in the URL.
"""

from flask import Flask

from payments_app.web import (
    account,
    business,
    context,
    errors,
    filters,
    guard,
    headers,
    lab,
    operations,
    public,
    settings,
)

BLUEPRINTS = (account.bp, business.bp, lab.bp, operations.bp, public.bp, settings.bp)


def register(app: Flask) -> None:
    """Add the pages to an application."""
    headers.register(app)
    filters.register(app)
    context.register(app)
    guard.register(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    errors.register(app)
