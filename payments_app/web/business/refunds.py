"""Giving money back: full or partial, with a reason, at most what is left."""

from flask import flash, g, redirect, render_template, request, url_for

from payments_app.domain.errors import (
    DomainError,
    Invalid,
    RefundExceedsPayment,
    RefundInProgress,
)
from payments_app.domain.money import Money, parse_major
from payments_app.domain.payment import Payment
from payments_app.services import payments, refunds
from payments_app.web.business.blueprint import bp
from payments_app.web.forms import Form, one_of
from payments_app.web.once import once
from payments_app.web.pages import Page
from payments_app.web.permissions import Permission, requires
from payments_app.web.transactions import reading, signed_in, writing

REASONS = {
    "requested": "Requested by the customer",
    "duplicate": "Duplicate",
    "fraudulent": "Fraudulent",
    "other": "Other",
}


@bp.get("/payments/<payment_id>/refunds/new")
@requires(Permission.MOVE_MONEY)
def new_refund(payment_id: str) -> Page:
    return _page(payment_id, Form({"kind": "full", "with_credit_note": "yes"}))


@bp.post("/payments/<payment_id>/refunds/new")
@requires(Permission.MOVE_MONEY)
def create_refund(payment_id: str) -> Page:
    form = Form.submitted()
    with reading() as db:
        payment = payments.get(db, payment_id)
    amount, reason = _amount(form, payment), _reason(form)
    if form.errors or amount is None or reason is None:
        return _page(payment_id, form), 422
    try:
        with writing() as db:
            done = once(
                db,
                account=f"user:{signed_in().id}",
                key=form.key,
                path=request.path,
                said={"amount_minor": amount.minor, "reason": reason},
                deed=lambda: (
                    refunds.request_refund(
                        db,
                        payment_id,
                        amount_minor=amount.minor,
                        reason=reason,
                        with_credit_note=bool(form["with_credit_note"]),
                        now=g.now,
                    ).id
                ),
            )
    except DomainError as error:
        _tell(form, error)
        conflict = isinstance(error, RefundInProgress)
        return _page(payment_id, form), 409 if conflict else 422
    if done.is_repeat:
        flash("Already submitted. This is the original refund.", "replay")
    else:
        flash(f"The refund of {amount} is on its way.", "ok")
    return redirect(url_for(".payment", payment_id=payment_id), 303)


def _amount(form: Form, payment: Payment) -> Money | None:
    if form["kind"] == "partial":
        return form.read("amount", lambda typed: parse_major(typed, payment.currency, "amount"))
    return Money(payment.refundable_minor, payment.currency)


def _reason(form: Form) -> str | None:
    chosen = form.read("reason", lambda v: one_of(v, REASONS, "reason", "Choose a reason."))
    if chosen != "other":
        return REASONS.get(chosen or "")
    text = form["reason_text"].strip()
    if not text:
        form.refuse("reason_text", "Write the reason.")
    return text or None


def _tell(form: Form, error: DomainError) -> None:
    about_amount = isinstance(error, Invalid) and error.field == "amount_minor"
    if about_amount or isinstance(error, RefundExceedsPayment):
        form.refuse("amount", str(error))
    else:
        form.take(error)


def _page(payment_id: str, form: Form) -> str:
    with reading() as db:
        payment = payments.get(db, payment_id)
    return render_template("business/refund_form.html", payment=payment, form=form, reasons=REASONS)
