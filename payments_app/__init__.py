"""The business: customers, invoices, payments that are captured once, and the pages to see it.

``flask --app payments_app`` finds ``create_app`` here. The import is inside, so that importing a
service, as a worker does, loads no Flask.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from payments_app.config import Config


def create_app(config: "Config | None" = None, *, edges: bool = True) -> "Flask":
    from payments_app.app import build

    return build(config, edges=edges)
