"""What a fault makes of an answer: the made-up ones, and the ones changed on their way.

``wire`` is an order to the server: close without a byte, reset, hold, or send only a half. The
others are bodies. Nothing here touches the store: a disguised answer is a lie about the truth.
"""

from dataclasses import replace

from payments_app.gateway.simulator import errors
from payments_app.gateway.simulator.faults import ALTERING, Rule
from payments_app.gateway.simulator.values import Answer, Body

WIRE_ONLY = frozenset({"drop", "reset", "hang"})
HTML = "<!doctype html><title>Welcome</title><p>Please sign in to this network.</p>"


def made_up(rule: Rule) -> Answer:
    """The answer to a request that was not executed."""
    match rule.do:
        case "429":
            return errors.rate_limited().answer
        case "409":
            return errors.key_in_use(None).answer
        case "503":
            # From the balancer in front, so no JSON: nobody can tell what the gateway has done.
            return Answer(503, "Service Unavailable", {"Content-Type": "text/plain"})
        case "html":
            return Answer(rule.status, HTML, {"Content-Type": "text/html"})
        case "truncate":
            return Answer(500, errors.server_error(), wire="truncate")
        case "500" | "500_stored":
            return Answer(500, errors.server_error())
        case _:
            return Answer(0, "", wire=rule.do if rule.do in WIRE_ONLY else "drop")


def changed(rule: Rule, answer: Answer) -> Answer:
    """What the client gets of an answer that exists."""
    if rule.do == "dup":
        return answer
    if rule.do in ALTERING:
        body = answer.body if isinstance(answer.body, str) else _altered(answer.body, rule.do)
        return replace(answer, body=body)
    if rule.do == "truncate" or rule.do in WIRE_ONLY:
        return replace(answer, wire=rule.do)
    lie = made_up(rule)
    return replace(answer, status=lie.status, body=lie.body, headers=lie.headers)


def status_sent(answer: Answer) -> int | None:
    """The status that leaves the machine; None when no complete answer does."""
    return None if answer.wire else answer.status


def _altered(body: Body, how: str) -> Body:
    shown = dict(body)
    for name in ("error", "payment_intent"):
        if isinstance(shown.get(name), dict):
            shown[name] = _altered(shown[name], how)
    if isinstance(shown.get("data"), list):
        shown["data"] = [_altered(item, how) for item in shown["data"]]
    if how == "wrong_amount":
        for name in ("amount", "amount_received"):
            if shown.get(name):
                shown[name] += 1
    elif how == "wrong_currency":
        if "currency" in shown:
            shown["currency"] = "usd" if shown["currency"] == "eur" else "eur"
    elif shown.get("object") == "payment_intent":
        shown["id"] = "pi_somebody_elses_000000"
        shown["metadata"] = {"payment": "pay_somebody_elses_000000"}
    elif "payment_intent" in shown and "object" in shown:
        shown["payment_intent"] = "pi_somebody_elses_000000"
    return shown
