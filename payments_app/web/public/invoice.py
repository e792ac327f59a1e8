"""The hosted invoice: what is owed, to whom, by when, and one button to pay it."""

from flask import Response as FlaskResponse
from flask import flash, g, redirect, render_template, request, url_for

from payments_app.domain.errors import (
    DomainError,
    IdempotencyKeyReused,
    Invalid,
    NothingDue,
    PaymentInProgress,
)
from payments_app.domain.invoice import Invoice
from payments_app.queries import invoice_pages, payment_pages
from payments_app.services import documents, payments
from payments_app.web.business.invoices import document_of, pdf
from payments_app.web.forms import Form, one_of
from payments_app.web.once import once
from payments_app.web.pages import Page, today
from payments_app.web.permissions import Permission, requires
from payments_app.web.public.blueprint import bp, invoice_of
from payments_app.web.transactions import reading, writing

# What the gateway simulator understands, in words for whoever tries the demo.
TEST_CARDS = {
    "pm_card_visa": ("Succeeds", "4242"),
    "pm_card_visa_chargeDeclined": ("Declined by the bank", "0002"),
    "pm_card_insufficientFunds": ("Not enough money on it", "9995"),
    "pm_card_slow": ("Succeeds, but slowly", "0077"),
    "pm_card_timeoutThenCaptured": ("Charged, but the answer gets lost", "0119"),
}


@bp.get("/<token>")
@requires(Permission.PUBLIC)
def invoice(token: str) -> Page:
    return _page(token, Form({"payment_method": "pm_card_visa"}))


@bp.post("/<token>/pay")
@requires(Permission.PUBLIC)
def pay(token: str) -> Page:
    form = Form.submitted()
    card = form.read(
        "payment_method", lambda v: one_of(v, dict.fromkeys(TEST_CARDS, ""), "payment_method",
                                           "Choose a card."),
    )  # fmt: skip
    amount = form.read("amount_minor", _amount)
    if form.errors or card is None or amount is None:
        return _page(token, form), 422
    try:
        payment_id = _pay_once(token, form.key, card, amount)
    except PaymentInProgress as error:
        return _already_paying(token, error)
    except NothingDue:
        flash("This invoice is paid already. Nothing was charged again.", "ok")
        return redirect(url_for(".invoice", token=token), 303)
    except IdempotencyKeyReused:
        form.refuse("", "This form was sent before with another card. Choose again and pay.")
        form.key = Form().key
        return _page(token, form), 422
    except DomainError as error:
        form.take(error)
        form.key = Form().key
        return _page(token, form), 409 if error.field is None else 422
    return redirect(url_for(".payment", token=token, payment_id=payment_id), 303)


@bp.get("/<token>/invoice.pdf")
@requires(Permission.PUBLIC)
def invoice_pdf(token: str) -> FlaskResponse:
    with reading() as db:
        found = invoice_of(db, token, g.now)
        return pdf(documents.get(db, subject_id=found.id, kind="invoice"), found.number or "")


def _pay_once(token: str, key: str, card: str, amount_minor: int) -> str:
    with writing("hosted") as db:
        found = invoice_of(db, token, g.now)
        done = once(
            db,
            account=f"hosted:{token}",
            key=key,
            path=request.path,
            said={"payment_method": card, "amount_minor": amount_minor},
            deed=lambda: (
                payments.request_payment(
                    db,
                    found.id,
                    payment_method=card,
                    amount_minor=amount_minor,
                    source="hosted",
                    now=g.now,
                ).id
            ),
        )
    if done.is_repeat:
        flash("Already submitted. This is the original payment.", "replay")
    return done.subject_id


def _amount(typed: str) -> int:
    """The amount on the button. What was agreed to is what is charged, also if more is due now."""
    if not (typed.isascii() and typed.isdecimal() and len(typed) < 16):
        raise Invalid("amount_minor", "The amount is missing. Load the page again and pay.")
    return int(typed)


def _already_paying(token: str, error: PaymentInProgress) -> Page:
    flash("A payment of this invoice is under way already. This is it.", "replay")
    return redirect(url_for(".payment", token=token, payment_id=error.payment_id), 303)


def _page(token: str, form: Form) -> str:
    with reading() as db:
        found = invoice_of(db, token, g.now)
        paid = payment_pages.payment_list(db, invoice_id=found.id).rows
        live = next((row for row in paid if row.state in _LIVE), None)
        going = payments.get(db, live.id) if live else None
        return render_template(
            "public/invoice.html",
            invoice=found,
            state=invoice_pages.state_of(db, found.id, today=today()) or "",
            document=document_of(found),
            form=form,
            cards=TEST_CARDS,
            payments=[row for row in paid if row.state == "completed"],
            live=live,
            live_state=payment_pages.state_of(going, slow_at=g.now) if going else None,
            can_pay=_can_pay(found) and live is None,
        )


_LIVE = frozenset({"pending", "processing", "unknown", "waiting", "needs_review"})


def _can_pay(invoice: Invoice) -> bool:
    return invoice.status == "open" and invoice.due_minor > 0
