"""Every route has a rule, and the rule is kept for every role: read from the URL map itself."""

import pytest
from flask import Flask
from werkzeug.routing import Rule

from payments_app.domain.access import Role
from payments_app.web.guard import OTHER_DOORS
from payments_app.web.permissions import Permission, allows, rule_of
from tests.web.browser import Browser, words
from tests.web.conftest import BrowserOf


def pages(app: Flask) -> list[Rule]:
    return [
        rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static" and not rule.rule.startswith(OTHER_DOORS)
    ]


def address(rule: Rule) -> str:
    """Some address of the route; what it names does not exist."""
    values = dict.fromkeys(rule.arguments, "1") | {"verb": "run_now"}
    built = rule.build({name: values[name] for name in rule.arguments})
    assert built is not None
    return built[1]


def attempts(app: Flask) -> list[tuple[str, str, Permission]]:
    found = []
    for rule in pages(app):
        permission = rule_of(app.view_functions[rule.endpoint])
        assert permission is not None
        methods = (rule.methods or set()) & {"GET", "POST"}
        found += [(method, address(rule), permission) for method in sorted(methods)]
    return found


def test_every_page_has_a_rule(app: Flask):
    without = [
        rule.endpoint for rule in pages(app) if rule_of(app.view_functions[rule.endpoint]) is None
    ]

    assert without == []


def test_a_route_without_a_rule_is_refused_to_everybody(app: Flask):
    app.add_url_rule("/forgotten", "forgotten", lambda: "secret")

    answer = Browser(app).get("/forgotten")

    assert answer.status_code == 403
    assert "secret" not in answer.text


@pytest.mark.parametrize("role", Role)
def test_each_role_meets_exactly_the_refusals_of_the_table(
    app: Flask, browser_of: BrowserOf, role: Role
):
    browser = browser_of(role)
    wrong = []

    for method, path, permission in attempts(app):
        send = browser.get if method == "GET" else browser.submit
        if path in {"/logout", "/login", "/setup"}:
            continue  # They change who is signed in; tests of their own look at them.
        refused = send(path).status_code == 403
        if refused == allows(role, permission):
            wrong.append((method, path, permission))

    assert wrong == []


def test_who_has_not_signed_in_sees_public_pages_only(app: Flask, visitor: Browser):
    wrong = []

    for method, path, permission in attempts(app):
        if permission is Permission.PUBLIC:
            continue
        status = (visitor.get if method == "GET" else visitor.submit)(path).status_code
        if status != (303 if method == "GET" else 401):
            wrong.append((method, path, status))

    assert wrong == []


def test_every_form_needs_its_token(app: Flask, owner: Browser):
    accepted = [
        path
        for method, path, permission in attempts(app)
        if method == "POST"
        and allows(Role.OWNER, permission)
        and owner.client.post(path, data={"name": "x"}).status_code != 400
    ]

    assert accepted == []


def test_a_refusal_names_the_role_and_the_needed_one(browser_of: BrowserOf):
    viewer = browser_of(Role.VIEWER)

    answer = viewer.submit("/operations/queues/payments/pause")

    assert answer.status_code == 403
    assert "Your role is viewer" in words(answer)
    assert "operator" in words(answer)


def test_a_viewer_is_shown_no_button_that_would_be_refused(browser_of: BrowserOf):
    viewer = browser_of(Role.VIEWER)

    for path in ("/", "/invoices", "/customers", "/operations/queues"):
        page = words(viewer.get(path))
        assert "New invoice" not in page
        assert "New customer" not in page
        assert "Pause payments" not in page
