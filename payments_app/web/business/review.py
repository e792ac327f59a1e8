"""What needs a person: the list, and for each payment or refund the decisions that the rules allow.

The page shows what we hold beside what the gateway said last. A decision needs a reason; one that
moves money is shown once more before it is carried out. The version of what was seen travels with
the form, so that nobody decides about a picture that has changed.
"""

from collections.abc import Callable

from flask import flash, g, redirect, render_template, url_for
from sqlalchemy.orm import Session

from payments_app.domain.errors import DomainError, VersionConflict
from payments_app.domain.review import (
    MOVES_MONEY,
    Decision,
    fitting,
    payment_choices,
    refund_choices,
)
from payments_app.queries import review as queries
from payments_app.services import payments, refunds
from payments_app.services import review as service
from payments_app.web.business.blueprint import bp
from payments_app.web.decisions import DONE, OF_PAYMENT, OF_REFUND, why_parked
from payments_app.web.forms import Form, one_of
from payments_app.web.pages import Page
from payments_app.web.permissions import Permission, requires
from payments_app.web.transactions import reading, writing

NUMBER_LENGTH_MAX = 18  # of a bigint, less one digit


@bp.get("/review")
@requires(Permission.READ_BUSINESS)
def reviews() -> Page:
    with reading() as db:
        return render_template("business/reviews.html", rows=queries.waiting(db), why=why_parked)


@bp.get("/payments/<payment_id>/review")
@requires(Permission.DECIDE)
def review_payment(payment_id: str) -> Page:
    return _payment_page(payment_id, Form())


@bp.post("/payments/<payment_id>/review")
@requires(Permission.DECIDE)
def decide_payment(payment_id: str) -> Page:
    form = Form.submitted()

    def carry_out(db: Session, decision: Decision) -> None:
        service.decide_payment(
            db,
            payment_id,
            decision,
            reason=form["reason"],
            reference=form["reference"],
            expected_version=_version(form["version"]),
            now=g.now,
        )

    return _decided(form, carry_out, lambda: _payment_page(payment_id, form), payment_id)


@bp.get("/refunds/<refund_id>/review")
@requires(Permission.DECIDE)
def review_refund(refund_id: str) -> Page:
    return _refund_page(refund_id, Form())


@bp.post("/refunds/<refund_id>/review")
@requires(Permission.DECIDE)
def decide_refund(refund_id: str) -> Page:
    form = Form.submitted()
    with reading() as db:
        payment_id = refunds.get(db, refund_id).payment_id

    def carry_out(db: Session, decision: Decision) -> None:
        service.decide_refund(
            db,
            refund_id,
            decision,
            reason=form["reason"],
            reference=form["reference"],
            expected_version=_version(form["version"]),
            now=g.now,
        )

    return _decided(form, carry_out, lambda: _refund_page(refund_id, form), payment_id)


def _decided(
    form: Form,
    carry_out: Callable[[Session, Decision], None],
    page: Callable[[], str],
    payment_id: str,
) -> Page:
    known = {str(decision): "" for decision in Decision}
    chosen = form.read(
        "decision", lambda v: one_of(v, known, "decision", "Choose what is to be done.")
    )
    form.read("reason", service.checked_reason)
    if form.errors or chosen is None:
        return page(), 422
    decision = Decision(chosen)
    if decision in MOVES_MONEY and not form["confirmed"]:
        form.values["confirming"] = "yes"
        return page()
    try:
        with writing(reason=form["reason"].strip()) as db:
            carry_out(db, decision)
    except DomainError as error:
        form.take(error)
        return page(), 422 if error.field else 409
    flash(DONE[decision], "ok")
    return redirect(url_for(".payment", payment_id=payment_id), 303)


def _version(typed: str) -> int:
    if not (typed.isascii() and typed.isdecimal() and len(typed) <= NUMBER_LENGTH_MAX):
        raise VersionConflict("The form did not say what you saw. Look at it again, then decide.")
    return int(typed)


def _payment_page(payment_id: str, form: Form) -> str:
    with reading() as db:
        payment = payments.get(db, payment_id)
        word = queries.intent_word(db, payment)
        return render_template(
            "business/review_payment.html",
            payment=payment,
            word=word,
            choices=payment_choices(payment, word),
            words=OF_PAYMENT,
            why=why_parked(payment.review_reason),
            form=form,
        )


def _refund_page(refund_id: str, form: Form) -> str:
    with reading() as db:
        refund = refunds.get(db, refund_id)
        word = queries.refund_word(db, refund)
        return render_template(
            "business/review_refund.html",
            refund=refund,
            payment=payments.get(db, refund.payment_id),
            word=word,
            fits={seen.id for seen in fitting(refund, word)},
            choices=refund_choices(refund, word, g.now),
            words=OF_REFUND,
            why=why_parked(refund.review_reason),
            form=form,
        )
