"""A mail's bytes: the same every time, and no text of a customer becomes a header."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments_app.mail.message import Attached, Mail, Unsendable, compose

MAIL = Mail(
    message_id="<mail_1@harbourandpine.example>",
    sender_name="Harbour & Pine Studio",
    sender="billing@harbourandpine.example",
    recipient="ada@example.com",
    title="Invoice INV-000001",
    body="Dear Ada Ltd,\n\nżółć 🎉\n",
    dated=datetime(2026, 11, 23, 12, tzinfo=UTC),
)
WITH_PDF = replace(MAIL, attached=Attached("INV-000001.pdf", "application/pdf", b"%PDF-1\x00"))


def parsed(mail: Mail):
    return message_from_bytes(compose(mail).as_bytes(), policy=policy.default)


def test_a_mail_says_who_to_whom_and_what():
    read = parsed(MAIL)

    assert read["From"] == "Harbour & Pine Studio <billing@harbourandpine.example>"
    assert (read["To"], read["Subject"]) == ("ada@example.com", "Invoice INV-000001")
    assert read["Message-ID"] == "<mail_1@harbourandpine.example>"
    assert read["Date"] == "Mon, 23 Nov 2026 12:00:00 +0000"
    assert read["Auto-Submitted"] == "auto-generated"
    assert read.get_content().replace("\r\n", "\n") == MAIL.body


def test_an_attachment_keeps_its_name_and_its_bytes():
    (attached,) = parsed(WITH_PDF).iter_attachments()

    assert attached.get_filename() == "INV-000001.pdf"
    assert attached.get_content_type() == "application/pdf"
    assert attached.get_content() == b"%PDF-1\x00"


@pytest.mark.parametrize("mail", [MAIL, WITH_PDF])
def test_a_second_transmission_is_a_copy_byte_for_byte(mail):
    assert compose(mail).as_bytes() == compose(mail).as_bytes()


@pytest.mark.parametrize("field", ["recipient", "title"])
@pytest.mark.parametrize(
    "text",
    [
        "a@b.co\r\nBcc: x@y.zz",
        "a@b.co\nBcc: x@y.zz",
        "a@b.co\r",
        "a\x0bb",
        "a\x85b",
        "a\u2028b",
        "",
    ],
)
def test_a_line_break_in_the_head_is_refused(field, text):
    with pytest.raises(Unsendable):
        compose(replace(MAIL, **{field: text}))


@pytest.mark.parametrize(
    "address",
    ["no address", "a@", "<>", "a@b.co, c@d.ef", "@b.co", "@", "A <a@b.co>", "ü@b.co", "a@ü.co"],
)
def test_what_is_not_exactly_one_address_is_refused(address):
    with pytest.raises(Unsendable):
        compose(replace(MAIL, recipient=address))


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_text_adds_a_header(recipient, title):
    try:
        raw = compose(replace(MAIL, recipient=recipient, title=title)).as_bytes()
    except Unsendable:
        return
    names = {name.lower() for name in message_from_bytes(raw)}

    assert names <= {
        *("message-id", "date", "from", "to", "subject", "auto-submitted", "mime-version"),
        *("content-type", "content-transfer-encoding"),
    }


@given(st.text(max_size=300))
def test_any_body_arrives_as_it_was_written(body):
    read = parsed(replace(MAIL, body=body)).get_payload(decode=True)

    assert isinstance(read, bytes)
    assert "".join(read.decode().split()) == "".join(body.split())
