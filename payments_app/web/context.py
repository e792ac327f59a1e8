"""What every template can see: who looks, the theme, the navigation, the words of states."""

from flask import Flask, get_flashed_messages, request, url_for

from payments_app.web.permissions import Permission, allows
from payments_app.web.status import TONE_ICONS, chip
from payments_app.web.transactions import person

THEMES = ("auto", "light", "dark")
STYLESHEETS = (
    *("tokens", "base", "shell", "components", "tables", "forms", "timeline", "document"),
    "lab",
)

# Group → (text, endpoint, rule). What a role may not open is not listed for it.
NAVIGATION = {
    "Business": (
        ("Overview", "business.overview", Permission.READ_BUSINESS),
        ("Invoices", "business.invoices", Permission.READ_BUSINESS),
        ("Payments", "business.payments", Permission.READ_BUSINESS),
        ("Review", "business.reviews", Permission.READ_BUSINESS),
        ("Customers", "business.customers", Permission.READ_BUSINESS),
        ("Ledger", "business.ledger", Permission.READ_BUSINESS),
    ),
    "Operations": (
        ("Queues", "operations.queues", Permission.READ_OPERATIONS),
        ("Jobs", "operations.jobs", Permission.READ_OPERATIONS),
        ("Workers", "operations.workers", Permission.READ_OPERATIONS),
        ("Schedules", "operations.schedules", Permission.READ_OPERATIONS),
        ("Webhooks", "operations.deliveries", Permission.READ_OPERATIONS),
        ("Reconciliation", "operations.reconciliation", Permission.READ_OPERATIONS),
        ("Audit", "operations.audit", Permission.READ_OPERATIONS),
    ),
    "Learn": (("Lab", "lab.home", Permission.WATCH_LAB),),
}


def register(app: Flask) -> None:
    app.jinja_env.globals.update(chip_of=chip, tone_icons=TONE_ICONS)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.context_processor(_page)


def theme() -> str:
    chosen = request.cookies.get("theme", "auto")
    return chosen if chosen in THEMES else "auto"


def _page() -> dict[str, object]:
    found = person()
    return {
        "person": found,
        "theme": theme(),
        "stylesheets": STYLESHEETS,
        "navigation": _navigation() if found else {},
        "flashes": get_flashed_messages(with_categories=True),
        "here": request.full_path.rstrip("?") if request.method == "GET" else "/",
        "may": lambda name: allows(found.role if found else None, Permission[name]),
    }


def _navigation() -> dict[str, list[tuple[str, str, str | None]]]:
    found = person()
    role = found.role if found else None
    groups = {
        group: [
            (text, url_for(endpoint), _current(endpoint))
            for text, endpoint, rule in links
            if allows(role, rule)
        ]
        for group, links in NAVIGATION.items()
    }
    return {group: links for group, links in groups.items() if links}


def _current(endpoint: str) -> str | None:
    """The list itself is the current "page"; on pages below it its link is "true"."""
    if request.endpoint == endpoint:
        return "page"
    root = url_for(endpoint)
    return "true" if root != "/" and request.path.startswith(f"{root}/") else None
