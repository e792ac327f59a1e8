"""``/_sim``: the journal, and the handles by which a test makes the gateway misbehave.

No key is asked for: the simulator listens on this machine. Every POST answers 200 with the state
that it made, and refuses what it does not understand with 400, naming the field.
"""

from flask import Blueprint, Response, request

from payments_app.gateway.simulator import checks, clock, disputes, export, journal
from payments_app.gateway.simulator.engine import Engine
from payments_app.gateway.simulator.errors import invalid
from payments_app.gateway.simulator.values import Body

ADVANCE_MAX_S = 10 * 366 * 86400.0
RATE_MAX = 1e6


def control_blueprint(engine: Engine) -> Blueprint:
    bp = Blueprint("control", __name__, url_prefix="/_sim")
    _add_truth(bp, engine)
    _add_troubles(bp, engine)
    _add_clock(bp, engine)
    return bp


def _add_truth(bp: Blueprint, engine: Engine) -> None:
    store = engine.store

    @bp.get("/journal")
    def show_journal() -> Body:
        engine.settle_due()
        with store.snapshot() as tx:
            return journal.read(tx)

    @bp.get("/export")
    def show_export() -> Body | Response:
        engine.settle_due()
        with store.snapshot() as tx:
            if request.args.get("format") == "csv":
                return Response(export.as_csv(tx), mimetype="text/csv")
            return export.as_json(tx)

    @bp.post("/reset")
    def reset() -> Body:
        engine.reset()
        with store.snapshot() as tx:
            return {**journal.read(tx), **engine.faults.shown(), "clock": _clock_shown(engine)}


def _add_troubles(bp: Blueprint, engine: Engine) -> None:
    @bp.get("/faults")
    def show_faults() -> Body:
        return engine.faults.shown()

    @bp.post("/faults")
    def replace_faults() -> Body:
        engine.faults.replace(_json())
        return engine.faults.shown()

    @bp.post("/release")
    def release_late() -> Body:
        engine.late.release()
        return {"late": engine.late.waiting()}

    @bp.post("/disputes")
    def dispute() -> Body:
        with engine.store.transaction() as tx:
            shown = disputes.control(tx, _json())
        engine.courier.events_written()
        return shown

    @bp.get("/limits")
    def show_limits() -> Body:
        return {"rate_per_s": engine.bucket.rate_per_s, "burst": engine.bucket.burst}

    @bp.post("/limits")
    def set_limits() -> Body:
        given = checks.fields(_json(), ("rate_per_s", "burst"), "")
        rate = checks.number(given, "rate_per_s", "", default=0.0, most=RATE_MAX)
        engine.bucket.set(rate or None, checks.integer(given, "burst", "", least=1) or 1)
        return show_limits()

    @bp.get("/webhooks")
    def show_webhooks() -> Body:
        return engine.courier.shown()

    @bp.post("/webhooks")
    def configure_webhooks() -> Body:
        engine.courier.configure(_json())
        return engine.courier.shown()


def _add_clock(bp: Blueprint, engine: Engine) -> None:
    @bp.get("/clock")
    def show_clock() -> Body:
        return _clock_shown(engine)

    @bp.post("/clock")
    def advance_clock() -> Body:
        given = checks.fields(_json(), ("advance_s",), "")
        if "advance_s" not in given:
            raise invalid('Send {"advance_s": seconds}.', param="advance_s")
        engine.store.advance(checks.number(given, "advance_s", "", default=0, most=ADVANCE_MAX_S))
        engine.settle_due()
        return _clock_shown(engine)


def _clock_shown(engine: Engine) -> Body:
    now_s = engine.store.now_s()
    return {"now_s": now_s, "now": clock.iso(now_s), "advanced_s": engine.store.advanced_s}


def _json() -> object:
    body: object = request.get_json(force=True, silent=True)
    if body is None and request.get_data():
        raise invalid("The body is no JSON.", param="body")
    return {} if body is None else body
