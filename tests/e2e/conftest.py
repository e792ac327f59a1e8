"""A real browser in front of the application: whole with workers and gateway, or pages alone.

A test fails on any console error, page error, refused style or script, and failed request: a page
that only looks right is not right.
"""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    sync_playwright,
)
from werkzeug.serving import make_server

from payments_app import create_app
from payments_app.config import load_config
from tests.e2e.people import OWNER, Person, add_users
from tests.support import databases
from tests.support.running_app import RunningApp

CHROMIUM = (
    os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
)
# No sandbox as root in a container; no background traffic, which a closed network would refuse.
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
ACTION_TIMEOUT_MS = 20_000

NewPage = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    if CHROMIUM is None:
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail("REQUIRE_BROWSER is set, and no Chromium was found. Install chromium.")
        pytest.skip("no Chromium found; install chromium or set CHROMIUM")
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def shop(
    admin_url: str, app_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningApp]:
    """The whole application with an owner: gateway, one worker process, web."""
    folder = tmp_path_factory.mktemp("shop")
    with (
        databases.database(admin_url, template=app_template) as url,
        RunningApp(folder, url, processes=1) as app,
    ):
        add_users(app.sessions)
        yield app


@pytest.fixture(scope="module")
def pages_only(admin_url: str, app_template: str) -> Iterator[tuple[str, str]]:
    """The pages without workers: nothing moves by itself. Their address and their database's."""
    with databases.database(admin_url, template=app_template) as url:
        app = create_app(load_config({"APP_ENV": "test", "DATABASE_URL": url}))
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", url
        server.shutdown()
        thread.join()
        server.server_close()
        app.extensions["database"].close()


@pytest.fixture
def new_page(chromium: Browser) -> Iterator[NewPage]:
    """Pages of separate people (a context each) that fail the test for what goes wrong in them.

    ``expects`` is part of an error that the test provokes, such as "status of 422".
    """
    wrong: list[str] = []
    contexts: list[BrowserContext] = []

    def make(base_url: str, *, as_owner: bool = False, expects: str = "", **options) -> Page:
        def note(said: ConsoleMessage) -> None:
            if said.type == "error" and not (expects and expects in said.text):
                wrong.append(said.text)

        context = chromium.new_context(base_url=base_url, locale="en-US", **options)
        context.set_default_timeout(ACTION_TIMEOUT_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        if as_owner:
            sign_in(page)
        return page

    yield make
    for context in contexts:
        context.close()
    assert wrong == []


def sign_in(page: Page, person: Person = OWNER) -> None:
    page.goto("/login")
    page.get_by_label("Email").fill(person.email)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")
