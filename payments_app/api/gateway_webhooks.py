"""``POST /webhooks/gateway``: what the gateway tells us by itself; a hint to look, never an order.

The signature is over the bytes as they came, so they are checked before anything reads them. The
event and its job are kept in one transaction and 200 is answered at once: a gateway that waits for
our work would send the event again. No key and no cookie: the signature is who asks.
"""

from flask import Blueprint, Response, current_app, g, jsonify, request

from payments_app.api import errors, parsing
from payments_app.api.transaction import transaction
from payments_app.config import Config
from payments_app.services import inbound, webhook_signature

blueprint = Blueprint("gateway_webhooks", __name__, url_prefix="/webhooks")
errors.handle_on(blueprint)


@blueprint.post("/gateway")
def receive() -> Response:
    """Keep one signed event; one that came before is counted and changes nothing."""
    g.actor = "gateway"
    body = parsing.raw_body()
    config: Config = current_app.extensions["config"]
    signature = request.headers.get("Stripe-Signature", "")
    with transaction() as (session, now):
        webhook_signature.verify(body, signature, config.gateway_webhook_secrets, now=now)
        is_new = inbound.receive(session, parsing.json_body())
    return jsonify(received=True, new=is_new)
