"""Bearer keys of the JSON API: make one, which is shown once, and revoke one."""

from flask import flash, g, redirect, render_template, url_for
from werkzeug.wrappers import Response

from payments_app.domain.errors import Invalid
from payments_app.services import api_keys as service
from payments_app.web.forms import Form
from payments_app.web.pages import Page
from payments_app.web.permissions import Permission, requires
from payments_app.web.settings.blueprint import bp
from payments_app.web.transactions import reading, writing


@bp.get("/api-keys")
@requires(Permission.SETTINGS)
def api_keys() -> Page:
    return _page(Form())


@bp.post("/api-keys")
@requires(Permission.SETTINGS)
def make_key() -> Page:
    form = Form.submitted()
    try:
        with writing() as db:
            _, clear = service.create(db, form["name"])
    except Invalid as error:
        form.take(error)
        return _page(form), 422
    # In the answer itself: a message for the next page would put the key into the cookie.
    return _page(Form(), made=clear), 201


@bp.post("/api-keys/<key_id>/revoke")
@requires(Permission.SETTINGS)
def revoke_key(key_id: str) -> Response:
    with writing() as db:
        revoked = service.revoke(db, key_id, now=g.now)
    flash(f"{revoked.name} is revoked: its requests are refused from now on.", "ok")
    return redirect(url_for(".api_keys"), 303)


def _page(form: Form, *, made: str | None = None) -> str:
    with reading() as db:
        return render_template(
            "settings/api_keys.html", keys=service.all_keys(db), form=form, made=made
        )
