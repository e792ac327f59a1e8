"""What others are told: endpoints, and every delivery with what came of it."""

from flask import flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from payments_app.domain.errors import DomainError
from payments_app.domain.outbound import DeliveryStatus
from payments_app.queries import outbound as queries
from payments_app.services import outbound as service
from payments_app.web.forms import Form
from payments_app.web.operations.blueprint import bp
from payments_app.web.pages import Page, page_number, with_page
from payments_app.web.permissions import Permission, requires
from payments_app.web.transactions import reading, writing


@bp.get("/deliveries")
@requires(Permission.READ_OPERATIONS)
def deliveries() -> Page:
    return _page(Form())


@bp.post("/deliveries")
@requires(Permission.SETTINGS)
def add_endpoint() -> Page:
    form = Form.submitted()
    try:
        with writing() as db:
            made = service.add_endpoint(db, form["url"])
            secret = made.secret
    except DomainError as error:
        form.take(error)
        return _page(form), 422
    flash(f"The endpoint is added. Its signing secret, shown this once: {secret}", "ok")
    return redirect(url_for(".deliveries"), 303)


@bp.post("/deliveries/endpoints/<endpoint_id>/disable")
@requires(Permission.SETTINGS)
def disable_endpoint(endpoint_id: str) -> Response:
    with writing() as db:
        service.disable_endpoint(db, endpoint_id, reason="disabled by hand", now=g.now)
    flash("The endpoint is told nothing more.", "ok")
    return redirect(url_for(".deliveries"), 303)


@bp.post("/deliveries/<delivery_id>/replay")
@requires(Permission.ACT_ON_JOBS)
def replay_delivery(delivery_id: str) -> Response:
    try:
        with writing(reason="replayed") as db:
            service.replay(db, delivery_id, now=g.now)
        flash("It is being sent again, with its old id.", "info")
    except DomainError as error:
        flash(str(error), "bad")
    return redirect(url_for(".deliveries"), 303)


def _page(form: Form) -> str:
    wanted = request.args.get("tab", "all")
    status = DeliveryStatus(wanted) if wanted in set(DeliveryStatus) else None
    with reading() as db:
        return render_template(
            "operations/deliveries.html",
            endpoints=queries.endpoints(db),
            page=queries.deliveries(db, status=status, page=page_number()),
            counts=queries.counts(db),
            tab=str(status) if status else "all",
            page_url=with_page(),
            form=form,
        )
