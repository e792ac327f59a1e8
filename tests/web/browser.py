"""A browser without a screen: it keeps cookies and sends each form with the page's own token."""

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

PASSWORD = "a long enough password"
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_TAG = re.compile(r"<[^>]+>")

Fields = Mapping[str, str | Sequence[str]]


class Browser:
    """One person's browser."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, buffered=True, **options)

    def submit(self, path: str, fields: Fields | None = None, **options: Any) -> TestResponse:
        """Send a form as a page of this browser would."""
        return self.client.post(
            path, data={**(fields or {}), "csrf_token": self.token()}, **options
        )

    def token(self) -> str:
        """From the theme form, which stands on every page, also on the one that is not there."""
        found = _TOKEN.search(self.get("/no-such-page").text)
        assert found is not None, "the page has no token"
        return found[1]


def words(answer: TestResponse) -> str:
    """What a person reads: no tags, one space between words."""
    body = re.sub(r"<head>.*?</head>", " ", answer.text, flags=re.DOTALL)
    return " ".join(html.unescape(_TAG.sub(" ", body)).split())


def field(answer: TestResponse, name: str) -> str:
    """The value of an input, unescaped."""
    found = re.search(rf'name="{name}"[^>]*?value="([^"]*)"', answer.text)
    assert found is not None, f"no field {name}"
    return html.unescape(found[1])
