"""The dates of an invoice: when it is due, and how long its public link opens."""

from datetime import UTC, date, datetime, time, timedelta

from payments_app.domain.errors import Invalid
from payments_app.domain.invoice import TERMS_DAYS

# Further away is a typing mistake (2062 for 2026), and far enough would not fit a date at all.
DUE_WITHIN_DAYS_MAX = 5 * 366

# The link outlives the due date by a quarter: late payers and two reminders are served by it. After
# that a link in an old mailbox should open nothing; sending the invoice again is a click.
LINK_OUTLIVES_DUE_DATE = timedelta(days=90)


def checked_due_date(due_date: date | None, issue_date: date) -> date | None:
    """The due date, on or after the issue date. None means: the usual terms. Raises Invalid."""
    if due_date is None:
        return None
    if due_date < issue_date:
        raise Invalid("due_date", f"The due date must be {issue_date} (the issue date) or later.")
    if (due_date - issue_date).days > DUE_WITHIN_DAYS_MAX:
        raise Invalid("due_date", "The due date is more than five years away. Check the year.")
    return due_date


def usual_due_date(issue_date: date) -> date:
    return issue_date + timedelta(days=TERMS_DAYS)


def link_expires_at(due_date: date) -> datetime:
    return datetime.combine(due_date, time.max, UTC) + LINK_OUTLIVES_DUE_DATE
