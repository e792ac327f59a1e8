"""The first page: money due, late and received, what needs a person, what happened last."""

from datetime import timedelta

from flask import g, render_template

from payments_app.queries import dashboard
from payments_app.queries.alarms import alarms
from payments_app.web.business.blueprint import bp
from payments_app.web.pages import Page, today
from payments_app.web.permissions import Permission, requires
from payments_app.web.transactions import reading

# A failure that nobody has tried again within two weeks will not be.
ATTENTION_FOR = timedelta(days=14)


@bp.get("/")
@requires(Permission.READ_BUSINESS)
def overview() -> Page:
    with reading() as db:
        month = g.now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return render_template(
            "business/overview.html",
            figures=dashboard.figures(db, today=today(), since=month),
            attention=dashboard.needs_attention(db, since=g.now - ATTENTION_FOR),
            events=dashboard.last_events(db),
            steps=dashboard.first_steps(db),
            alarms=alarms(db),
        )
