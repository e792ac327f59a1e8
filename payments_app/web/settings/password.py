"""One's own password. Changing it ends every other session: whoever stole one is out, too."""

from flask import flash, g, redirect, render_template, session, url_for

from payments_app.domain.errors import Invalid
from payments_app.services import access, people
from payments_app.web.forms import Form
from payments_app.web.guard import TOKEN
from payments_app.web.pages import Page
from payments_app.web.permissions import Permission, requires
from payments_app.web.settings.blueprint import bp
from payments_app.web.transactions import signed_in, writing


@bp.get("/password")
@requires(Permission.SIGNED_IN)
def password() -> Page:
    return render_template("settings/password.html", form=Form())


@bp.post("/password")
@requires(Permission.SIGNED_IN)
def change_password() -> Page:
    form = Form.submitted()
    with writing() as db:
        # Signing in counts wrong guesses: a browser left open is no place to guess without end.
        known = access.sign_in(db, signed_in().email, form["current"], now=g.now)
    if isinstance(known, access.Refused):
        wait = " Too many wrong guesses: wait a quarter of an hour." if known.locked_until else ""
        form.refuse("current", f"This is not your password.{wait}")
        return render_template("settings/password.html", form=form), 422
    try:
        with writing() as db:
            person = people.find(db, signed_in().id)
            access.set_password(db, person, form["password"])
            token = access.open_session(db, person, g.now)
    except Invalid as error:
        form.take(error)
        return render_template("settings/password.html", form=form), 422
    session[TOKEN] = token
    flash("Your password is changed. You are signed out everywhere else.", "ok")
    return redirect(url_for("business.overview"), 303)
