"""``flask payments``: what waits for a person, and deciding about it from the command line."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import cast

import click
from sqlalchemy.orm import Session

from payments_app import clock
from payments_app.cli.db import database, explained
from payments_app.cli.output import as_json_option, confirmed, print_json, print_table
from payments_app.cli.selection import actor
from payments_app.domain.errors import DomainError
from payments_app.domain.money import Money
from payments_app.domain.review import (
    MOVES_MONEY,
    Choice,
    Decision,
    payment_choices,
    refund_choices,
)
from payments_app.queries import review as queries
from payments_app.services import payments, refunds
from payments_app.services import review as service
from payments_app.services.actor import act_as

REFUND_PREFIX = "rfd_"


@click.group("payments")
def group() -> None:
    r"""Payments and refunds that need a person: list, show, decide.

    \b
    Examples:
      flask payments review
      flask payments show pay_…
      flask payments decide pay_… pay_… resume --reason "the API key was wrong, it is set now"
      flask payments decide pay_… record --reference ch_… --reason "half was captured"
    """


@group.command("review")
@as_json_option
def review(*, as_json: bool) -> None:
    """List what waits for a decision, oldest first."""
    with explained(), database().sessions() as session:
        found = [asdict(each) for each in queries.waiting(session)]
    if as_json:
        print_json(found)
        return
    columns = ("id", "payment_id", "amount_minor", "currency", "reason", "customer_name", "since")
    print_table(
        columns, [[each[name] for name in columns] for each in found], empty="Nothing waits."
    )


@group.command("show")
@click.argument("id")
@as_json_option
def show(id: str, *, as_json: bool) -> None:
    """Show what we hold, what the gateway said last, and which decisions are open."""
    with explained(), database().sessions() as session:
        try:
            shown, choices = _looked_at(session, id)
        except DomainError as error:
            raise click.ClickException(str(error)) from None
    if as_json:
        print_json({**shown, "choices": [asdict(choice) for choice in choices]})
        return
    print_table(("field", "value"), list(_rows(shown)), empty="")
    print_table(
        ("decision", "open"),
        [(choice.decision, choice.refused or "yes") for choice in choices],
        empty="Nothing is to be decided about it.",
    )


@group.command("decide")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.argument("decision", type=click.Choice([each.value for each in Decision]))
@click.option("--reason", required=True, help="Why, for whoever asks later.")
@click.option("--reference", default="", help="For record: the charge's or refund's id there.")
@click.option(
    "--dry-run", is_flag=True, help="Only say what would be decided; compares no reference."
)
@click.option("--yes", is_flag=True, help="Do not ask before money may move.")
def decide(
    ids: tuple[str, ...],
    decision: str,
    reason: str,
    reference: str,
    *,
    dry_run: bool,
    yes: bool,
) -> None:
    """Decide about payments and refunds that need review: each by itself, refused or not."""
    chosen = Decision(decision)
    if reference and len(ids) > 1:
        raise click.UsageError("A reference names one charge or refund: decide about one ID.")
    if dry_run:
        _report_refused(ids, [id for id in ids if not _would_be_decided(id, chosen)])
        return
    question = f"{decision} may move money of {', '.join(ids)}, or records that it moved. Go on?"
    if chosen in MOVES_MONEY and not confirmed(question, yes=yes):
        raise click.Abort
    _report_refused(ids, [id for id in ids if not _decided(id, chosen, reason, reference)])


def _report_refused(ids: tuple[str, ...], refused: list[str]) -> None:
    if refused:
        raise click.ClickException(f"{len(refused)} of {len(ids)} refused.")


def _would_be_decided(id: str, chosen: Decision) -> bool:
    """By the rules that ``decide`` itself asks, read without a lock and nothing written."""
    with explained(), database().sessions() as session:
        try:
            shown, choices = _looked_at(session, id)
            service.require_open(choices, chosen)
        except DomainError as error:
            click.echo(f"{id}: {error}", err=True)
            return False
    amount = Money(cast("int", shown["amount_minor"]), str(shown["currency"]))
    click.echo(f"{id}: would {chosen} ({amount}, {shown['status']}: {shown['review_reason']}).")
    return True


def _decided(id: str, chosen: Decision, reason: str, reference: str) -> bool:
    carry_out = service.decide_refund if _is_refund(id) else service.decide_payment
    with explained():
        try:
            with database().sessions.begin() as session:
                act_as(session, actor(), reason=reason)
                now = clock.now(session)
                found = carry_out(session, id, chosen, reason=reason, reference=reference, now=now)
                status = found.status
        except DomainError as error:
            click.echo(f"{id}: {error}", err=True)
            return False
    click.echo(f"{id} is {status} now.")
    return True


def _looked_at(session: Session, id: str) -> tuple[dict[str, object], list[Choice]]:
    if _is_refund(id):
        refund = refunds.get(session, id)
        listed = queries.refund_word(session, refund)
        ours: dict[str, object] = {
            "id": refund.id,
            "status": str(refund.status),
            "amount_minor": refund.amount_minor,
            "currency": refund.currency,
            "review_reason": refund.review_reason,
            "gateway": [asdict(seen) for seen in listed.seen],
        }
        return ours, refund_choices(refund, listed, clock.now(session))
    payment = payments.get(session, id)
    word = queries.intent_word(session, payment)
    held: dict[str, object] = {
        "id": payment.id,
        "status": str(payment.status),
        "amount_minor": payment.amount_minor,
        "currency": payment.currency,
        "intent": payment.gateway_intent_id,
        "review_reason": payment.review_reason,
        "gateway": asdict(word) if word else None,
    }
    return held, payment_choices(payment, word)


def _rows(shown: dict[str, object], within: str = "") -> Iterator[tuple[str, object]]:
    """A row for each value: ``gateway at``, and ``gateway 1 status`` in a list."""
    for name, value in shown.items():
        label = f"{within} {name}".strip()
        match value:
            case dict():
                yield from _rows(value, label)
            case [_, *_]:
                yield from _rows({str(n): each for n, each in enumerate(value, 1)}, label)
            case []:
                yield label, None
            case datetime():
                yield label, value.isoformat()
            case _:
                yield label, value


def _is_refund(id: str) -> bool:
    return id.startswith(REFUND_PREFIX)
