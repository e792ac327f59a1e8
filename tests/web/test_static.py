"""Files that go to browsers: what they weigh, where the foreign ones come from, nothing inline."""

import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest

from payments_app.web.context import STYLESHEETS

WEB = Path(__file__).parents[2] / "payments_app" / "web"
STATIC = WEB / "static"
VENDORED = (STATIC / "vendor", Path(__file__).parents[1] / "support" / "vendor")
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))


def weight_kb(*files: Path) -> float:
    return sum(len(gzip.compress(file.read_bytes(), 9)) for file in files) / 1000


@pytest.mark.parametrize("folder", VENDORED, ids=lambda folder: folder.parent.name)
def test_vendored_files_are_the_published_ones(folder: Path):
    manifest = json.loads((folder / "manifest.json").read_text())
    listed = {name: digest for entry in manifest for name, digest in entry["files"].items()}
    there = {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file() and file.name != "manifest.json"
    }

    assert there == listed
    assert all(entry["version"] and entry["licence"] for entry in manifest)


def test_what_a_browser_loads_stays_small():
    styles = [STATIC / "css" / f"{name}.css" for name in STYLESHEETS]

    assert weight_kb(*styles) <= 14
    assert weight_kb(*(STATIC / "js").glob("*.js")) <= 6
    assert weight_kb(*(STATIC / "vendor").rglob("*.js")) <= 23


def test_every_stylesheet_is_loaded():
    assert {file.stem for file in (STATIC / "css").glob("*.css")} == set(STYLESHEETS)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_no_template_has_inline_style_script_or_unescaped_text(template: Path):
    source = template.read_text()

    assert not re.search(r"\sstyle\s*=|<style", source)
    assert not re.search(r"\son[a-z]+\s*=", source)
    assert not re.search(r"<script(?![^>]*\ssrc=)", source)
    assert not re.search(r"\|\s*safe\b|autoescape\s+false", source)
    assert "javascript:" not in source


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_every_form_that_posts_carries_the_token(template: Path):
    source = template.read_text()
    forms = re.findall(r"<form[^>]*method=\"post\".*?</form>", source, re.DOTALL)

    assert all("csrf()" in form for form in forms)


@pytest.mark.parametrize(
    "name",
    [
        *("business/customer_form", "business/invoice_form", "business/refund_form"),
        *("settings/users", "settings/api_keys", "operations/deliveries", "public/invoice"),
    ],
)
def test_a_form_that_makes_something_is_not_sent_by_both_clicks_of_a_double_click(name: str):
    template = next(path for path in TEMPLATES if str(path).endswith(f"{name}.html"))

    assert "data-once" in template.read_text()


def test_every_icon_that_is_used_is_in_the_sprite():
    from payments_app.web.status import CHIPS, TONE_ICONS

    sprite = set(re.findall(r'<symbol id="(\w+)"', (STATIC / "icons.svg").read_text()))
    used = {chip.icon for chips in CHIPS.values() for chip in chips.values()}
    used |= set(TONE_ICONS.values())
    for template in TEMPLATES:
        used |= set(re.findall(r'icon\("(\w+)"', template.read_text()))

    assert used <= sprite


def test_every_state_has_its_words():
    from payments_app.domain.email import EmailStatus
    from payments_app.domain.invoice import InvoiceStatus
    from payments_app.domain.payment import PaymentStatus
    from payments_app.domain.refund import RefundStatus
    from payments_app.web.status import CHIPS
    from queue_core.lifecycle import JobState

    kinds = {
        "email": EmailStatus,
        "invoice": InvoiceStatus,
        "payment": PaymentStatus,
        "refund": RefundStatus,
        "job": JobState,
    }
    for kind, states in kinds.items():
        assert {str(state) for state in states} <= set(CHIPS[kind])
