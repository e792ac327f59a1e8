"""Coming in and going out: the first owner, signing in, signing out, the theme."""

from urllib.parse import urlsplit

from flask import (
    Blueprint,
    flash,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from werkzeug.wrappers import Response

from payments_app.domain.errors import Invalid, InvalidTransition
from payments_app.services import access
from payments_app.web.context import THEMES
from payments_app.web.forms import Form
from payments_app.web.guard import TOKEN
from payments_app.web.permissions import Permission, requires
from payments_app.web.transactions import person, reading, writing

bp = Blueprint("account", __name__)

Page = Response | str | tuple[str, int]
YEAR_S = 365 * 24 * 3600


@bp.get("/setup")
@requires(Permission.PUBLIC)
def setup() -> Page:
    with reading() as db:
        if access.has_users(db):
            return redirect(url_for("account.login"), 303)
    return render_template("account/setup.html", form=Form())


@bp.post("/setup")
@requires(Permission.PUBLIC)
def create_owner() -> Page:
    form = Form.submitted()
    try:
        with writing("setup") as db:
            access.create_first_owner(
                db, email=form["email"], name=form["name"], password=form["password"]
            )
            signed_in = access.sign_in(db, form["email"], form["password"], now=g.now)
    except InvalidTransition:
        flash("The first owner exists already. Sign in.", "info")
        return redirect(url_for("account.login"), 303)
    except Invalid as error:
        form.take(error)
        return render_template("account/setup.html", form=form), 422
    assert isinstance(signed_in, access.SignedIn), "the password was set a moment ago"
    _let_in(signed_in)
    flash(f"Welcome, {signed_in.user.name}. This account is the owner.", "ok")
    return redirect(url_for("business.overview"), 303)


@bp.get("/login")
@requires(Permission.PUBLIC)
def login() -> Page:
    if person():
        return redirect(_next(request.args.get("next")), 303)
    with reading() as db:
        if not access.has_users(db):
            return redirect(url_for("account.setup"), 303)
    return render_template("account/login.html", form=Form(), next=request.args.get("next", ""))


@bp.post("/login")
@requires(Permission.PUBLIC)
def sign_in() -> Page:
    form = Form.submitted()
    with writing("sign-in") as db:
        answer = access.sign_in(db, form["email"], form["password"], now=g.now)
    match answer:
        case access.SignedIn():
            _let_in(answer)
            return redirect(_next(form["next"]), 303)
        case access.Refused(None):
            form.refuse("email", "Email or password is wrong.")
        case access.Refused(until):
            minutes = max(1, round((until - g.now).total_seconds() / 60))
            form.refuse("email", f"Too many wrong passwords. Try again in {minutes} minutes.")
    return render_template("account/login.html", form=form, next=form["next"]), 422


@bp.post("/logout")
@requires(Permission.SIGNED_IN)
def logout() -> Response:
    with writing() as db:
        access.sign_out(db, session[TOKEN])
    session.clear()
    flash("You are signed out.", "ok")
    return redirect(url_for("account.login"), 303)


@bp.post("/theme")
@requires(Permission.PUBLIC)
def theme() -> Response:
    chosen = request.form.get("theme", "")
    response = make_response(redirect(_next(request.form.get("next")), 303))
    if chosen in THEMES:
        response.set_cookie("theme", chosen, max_age=YEAR_S, samesite="Lax", httponly=True)
    return response


def _let_in(signed_in: access.SignedIn) -> None:
    # A new session and with it a new CSRF secret: one that was planted before is worth nothing.
    session.clear()
    session.permanent = True
    session[TOKEN] = signed_in.token


def _next(target: str | None) -> str:
    """Where to go on: a path of ours and nothing else, or an open redirect would help phishers."""
    parts = urlsplit((target or "").replace("\\", "/"))
    if parts.scheme or parts.netloc or not parts.path.startswith("/"):
        return url_for("business.overview")
    return parts.path + (f"?{parts.query}" if parts.query else "")
