"""People: add one, change what somebody may do, let somebody in no more, set a new password."""

from flask import flash, g, redirect, render_template, url_for
from werkzeug.wrappers import Response

from payments_app.domain.access import Role
from payments_app.domain.errors import DomainError, Invalid
from payments_app.services import access, people
from payments_app.web.forms import Form, one_of
from payments_app.web.pages import Page
from payments_app.web.permissions import Permission, requires
from payments_app.web.settings.blueprint import bp
from payments_app.web.transactions import reading, writing

# What each may do, as a person would say it; the table of `permissions.GRANTS` is the rule.
ROLES = {
    Role.OWNER: "Owner: everything, and these settings",
    Role.STAFF: "Staff: customers, invoices, charges, small refunds",
    Role.OPERATOR: "Operator: queues, jobs, decisions; reads the rest",
    Role.VIEWER: "Viewer: reads, changes nothing",
}


@bp.get("/users")
@requires(Permission.SETTINGS)
def users() -> Page:
    return _list(Form({"role": Role.STAFF}))


@bp.post("/users")
@requires(Permission.SETTINGS)
def add_user() -> Page:
    form = Form.submitted()
    try:
        role = _role(form)
        with writing() as db:
            made = access.create_user(
                db, email=form["email"], name=form["name"], password=form["password"], role=role
            )
    except Invalid as error:
        form.take(error)
        return _list(form), 422
    flash(f"{made.name} can sign in as {made.email}.", "ok")
    return redirect(url_for(".users"), 303)


@bp.get("/users/<user_id>")
@requires(Permission.SETTINGS)
def user(user_id: str) -> Page:
    return _one(user_id, Form())


@bp.post("/users/<user_id>/role")
@requires(Permission.SETTINGS)
def change_role(user_id: str) -> Page:
    form = Form.submitted()
    try:
        role = _role(form)
        with writing() as db:
            people.change_role(db, people.find(db, user_id), role)
    except (Invalid, people.LastOwner) as error:
        return _refused(user_id, form, error)
    flash(f"The role is {role} now.", "ok")
    return _back(user_id)


@bp.post("/users/<user_id>/password")
@requires(Permission.SETTINGS)
def set_password(user_id: str) -> Page:
    form = Form.submitted()
    try:
        with writing() as db:
            access.set_password(db, people.find(db, user_id), form["password"])
    except (Invalid, people.LastOwner) as error:
        return _refused(user_id, form, error)
    flash("The password is set. Every session of this person has ended.", "ok")
    return _back(user_id)


@bp.post("/users/<user_id>/disable")
@requires(Permission.SETTINGS)
def disable_user(user_id: str) -> Page:
    try:
        with writing() as db:
            people.disable(db, people.find(db, user_id), now=g.now)
    except (Invalid, people.LastOwner) as error:
        return _refused(user_id, Form(), error)
    flash("This person can sign in no more, and is signed out everywhere.", "ok")
    return _back(user_id)


@bp.post("/users/<user_id>/enable")
@requires(Permission.SETTINGS)
def enable_user(user_id: str) -> Page:
    with writing() as db:
        people.enable(db, people.find(db, user_id))
    flash("This person can sign in again.", "ok")
    return _back(user_id)


def _list(form: Form) -> str:
    with reading() as db:
        return render_template(
            "settings/users.html", users=people.everybody(db), form=form, roles=ROLES
        )


def _one(user_id: str, form: Form) -> str:
    with reading() as db:
        found = people.find(db, user_id)
        form.values.setdefault("role", found.role)
        return render_template("settings/user.html", user=found, form=form, roles=ROLES)


def _refused(user_id: str, form: Form, error: DomainError) -> Page:
    form.take(error)
    return _one(user_id, form), 422 if isinstance(error, Invalid) else 409


def _role(form: Form) -> Role:
    names = {str(role): text for role, text in ROLES.items()}
    return Role(one_of(form["role"], names, "role", "Choose a role."))


def _back(user_id: str) -> Response:
    return redirect(url_for(".user", user_id=user_id), 303)
