"""The ledger: accounts with their balances per currency, the trial balance, the postings."""

from flask import render_template, request

from payments_app.domain.ledger import Account
from payments_app.queries import ledger_pages
from payments_app.web.business.blueprint import bp
from payments_app.web.pages import Page, page_number, with_page
from payments_app.web.permissions import Permission, requires
from payments_app.web.transactions import reading


@bp.get("/ledger")
@requires(Permission.READ_BUSINESS)
def ledger() -> Page:
    named = request.args.get("account", "")
    account = named if named in set(Account) else ""
    with reading() as db:
        page = ledger_pages.postings(db, account=account, page=page_number())
        return render_template(
            "business/ledger.html",
            balances=ledger_pages.trial_balances(db),
            page=page,
            sources=ledger_pages.sources(db, page.rows),
            account=account,
            page_url=with_page(),
        )
