"""Payments: the list, and one payment with what is going on, its facts and its timeline."""

from flask import flash, g, redirect, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payments_app.domain.errors import DomainError
from payments_app.domain.payment import Payment
from payments_app.queries import payment_pages
from payments_app.queries.timeline import payment_timeline
from payments_app.services import payments as service
from payments_app.web.business.blueprint import bp
from payments_app.web.forms import Form
from payments_app.web.live import answer
from payments_app.web.pages import Page, page_number, search, tab, with_page
from payments_app.web.permissions import Permission, requires
from payments_app.web.sentences import about_payment
from payments_app.web.timeline import drawn
from payments_app.web.transactions import reading, writing


@bp.get("/payments")
@requires(Permission.READ_BUSINESS)
def payments() -> Page:
    chosen = tab(dict(payment_pages.TABS))
    with reading() as db:
        return render_template(
            "business/payments.html",
            page=payment_pages.payment_list(db, tab=chosen, search=search(), page=page_number()),
            counts=payment_pages.payment_counts(db),
            tab=chosen,
            search=search(),
            page_url=with_page(),
        )


@bp.get("/payments/<payment_id>")
@requires(Permission.READ_BUSINESS)
def payment(payment_id: str) -> Page:
    with reading() as db:
        found = service.get(db, payment_id)
        return render_template("business/payment.html", **_shown(db, found))


@bp.get("/payments/<payment_id>/live")
@requires(Permission.READ_BUSINESS)
def payment_live(payment_id: str) -> Response:
    with reading() as db:
        found = service.get(db, payment_id)
        shown = _shown(db, found)
        return answer(str(shown["seen"]), render_template("business/payment_live.html", **shown))


@bp.post("/payments/<payment_id>/check")
@requires(Permission.MOVE_MONEY)
def check_payment(payment_id: str) -> Response:
    with writing() as db:
        service.check_now(db, payment_id, now=g.now)
    flash("The gateway is being asked now.", "info")
    return redirect(url_for(".payment", payment_id=payment_id), 303)


@bp.get("/payments/<payment_id>/cancel")
@requires(Permission.MOVE_MONEY)
def confirm_cancel(payment_id: str) -> Page:
    with reading() as db:
        return _cancel_page(service.get(db, payment_id), Form())


@bp.post("/payments/<payment_id>/cancel")
@requires(Permission.MOVE_MONEY)
def cancel_payment(payment_id: str) -> Page:
    form = Form.submitted()
    try:
        with writing() as db:
            service.request_cancel(
                db,
                payment_id,
                refund_if_captured=bool(form["refund_if_captured"]),
                now=g.now,
            )
    except DomainError as error:
        form.take(error)
        with reading() as db:
            return _cancel_page(service.get(db, payment_id), form), 409
    flash("The gateway is being asked to cancel. Its answer decides.", "info")
    return redirect(url_for(".payment", payment_id=payment_id), 303)


def _cancel_page(payment: Payment, form: Form) -> str:
    return render_template("business/payment_cancel.html", payment=payment, form=form)


def _shown(db: Session, payment: Payment) -> dict[str, object]:
    facts = payment_pages.facts(db, payment)
    open_refund = next((refund for refund in facts.refunds if not refund.is_final), None)
    return {
        "payment": payment,
        "facts": facts,
        "open_refund": open_refund,
        "sentence": about_payment(payment, facts.state),
        "rows": list(drawn(payment_timeline(db, payment.id))),
        "seen": payment_pages.seen(db, payment),
        "is_moving": not payment.is_final or open_refund is not None,
    }
