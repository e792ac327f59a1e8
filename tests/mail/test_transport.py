"""Handing over: a refusal for good is an answer, everything else is tried again."""

import os
import smtplib
import socket
from contextlib import closing
from dataclasses import replace
from email import message_from_bytes, policy

import pytest

from payments_app.mail import transport
from payments_app.mail.message import compose
from payments_app.mail.transport import (
    Delivered,
    FileTransport,
    MailUnavailable,
    Refused,
    SmtpTransport,
)
from tests.mail.test_message import MAIL, WITH_PDF
from tests.support.mail_server import a_certificate, mail_server
from tests.support.ports import free_port

MESSAGE = compose(WITH_PDF)


@pytest.fixture
def server():
    with mail_server() as running:
        yield running


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    made = a_certificate(tmp_path_factory.mktemp("certificate"))
    if made is None:
        pytest.skip("no openssl command to make a certificate with")
    return made


@pytest.fixture
def trusted(certificate, monkeypatch):
    """OpenSSL reads its extra roots from here, as an operator with a private root would set it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    return certificate


def test_a_mail_becomes_a_file_named_after_its_message_id(tmp_path):
    outbox = tmp_path / "not" / "yet" / "there"

    assert FileTransport(outbox).send(MESSAGE) == Delivered()

    assert [path.name for path in outbox.iterdir()] == ["mail_1.eml"]
    read = message_from_bytes((outbox / "mail_1.eml").read_bytes(), policy=policy.default)
    assert read["Subject"] == "Invoice INV-000001"


def test_the_same_mail_again_replaces_the_same_file(tmp_path):
    for _ in range(3):
        FileTransport(tmp_path).send(MESSAGE)

    assert [path.name for path in tmp_path.iterdir()] == ["mail_1.eml"]


def test_a_message_id_cannot_name_a_file_elsewhere(tmp_path):
    mail = replace(MAIL, message_id="<../../etc/passwd@x>")

    FileTransport(tmp_path / "outbox").send(compose(mail))

    assert [path.name for path in (tmp_path / "outbox").iterdir()] == ["______etc_passwd.eml"]
    assert [path.name for path in tmp_path.iterdir()] == ["outbox"]


def test_an_outbox_that_cannot_be_written_is_named_and_tried_again(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")

    with pytest.raises(MailUnavailable, match=str(blocked)):
        FileTransport(blocked).send(MESSAGE)


def test_a_mail_arrives_by_smtp_with_its_attachment(server):
    assert SmtpTransport(server.url()).send(MESSAGE) == Delivered()

    assert server.envelopes[0].mail_from == "billing@harbourandpine.example"
    assert server.envelopes[0].rcpt_tos == ["ada@example.com"]
    (attached,) = server.messages[0].iter_attachments()
    assert attached.get_content() == b"%PDF-1\x00"


@pytest.mark.parametrize("question", ["to_recipient", "to_data"])
def test_a_refusal_for_good_is_an_answer(server, question):
    setattr(server, question, "550 5.1.1 No such user")

    answer = SmtpTransport(server.url()).send(MESSAGE)

    assert answer == Refused("550 5.1.1 No such user")
    assert server.envelopes == []


@pytest.mark.parametrize("question", ["to_recipient", "to_data"])
def test_a_refusal_for_now_is_tried_again(server, question):
    setattr(server, question, "451 4.7.1 Greylisted")

    with pytest.raises(MailUnavailable, match="451"):
        SmtpTransport(server.url()).send(MESSAGE)


def test_a_server_that_is_not_there_is_tried_again():
    with pytest.raises(MailUnavailable, match="no mail server"):
        SmtpTransport(f"smtp://localhost:{free_port()}").send(MESSAGE)


def test_a_server_that_never_answers_is_given_up_in_time():
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        port = silent.getsockname()[1]

        with pytest.raises(MailUnavailable, match="timed out"):
            SmtpTransport(f"smtp://127.0.0.1:{port}", timeout_s=0.2).send(MESSAGE)


def test_encryption_is_used_where_it_is_offered(trusted):
    with mail_server(tls_context=trusted.server_side()) as server:
        SmtpTransport(server.url()).send(MESSAGE)

        assert server.encrypted == [True]


def test_a_server_that_cannot_prove_its_name_gets_nothing(certificate):
    with mail_server(tls_context=certificate.server_side()) as server:
        with pytest.raises(MailUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
            SmtpTransport(server.url()).send(MESSAGE)

        assert server.envelopes == []


def test_smtps_is_encrypted_from_the_first_byte(trusted):
    context = trusted.server_side()
    with mail_server(ssl_context=context) as server:
        assert SmtpTransport(server.url("smtps")).send(MESSAGE) == Delivered()


def test_the_password_of_the_address_logs_in(trusted):
    with mail_server(tls_context=trusted.server_side(), login=True) as server:
        SmtpTransport(server.url(login="ada%40b.co:right@")).send(MESSAGE)

        assert server.logins == [("ada@b.co", "right")]


def test_a_wrong_password_is_our_mistake_and_never_a_bounce(trusted):
    with (
        mail_server(tls_context=trusted.server_side(), login=True) as server,
        pytest.raises(MailUnavailable, match="535"),
    ):
        SmtpTransport(server.url(login="ada:wrong@")).send(MESSAGE)


def test_a_server_that_breaks_off_is_asked_again_because_nobody_knows(server):
    server.breaks_off = True

    with pytest.raises(MailUnavailable, match="broke off"):
        SmtpTransport(server.url()).send(MESSAGE)


def test_a_password_is_not_sent_in_the_clear_to_another_machine():
    unencrypted = smtplib.SMTP()

    with pytest.raises(smtplib.SMTPException, match=r"192\.0\.2\.1 offers no encryption"):
        SmtpTransport("smtp://ada:secret@192.0.2.1")._log_in(unencrypted, "192.0.2.1")


def test_only_this_machine_gets_a_password_in_the_clear():
    for host in ("localhost", "127.0.0.1", "::1"):
        assert transport._is_loopback(host)
    assert not transport._is_loopback("mail.example")
    assert not transport._is_loopback("192.0.2.1")


def test_files_are_the_default_and_an_address_chooses_smtp(tmp_path):
    assert isinstance(transport.choose(None, tmp_path), FileTransport)
    assert isinstance(transport.choose("smtp://localhost:25", tmp_path), SmtpTransport)


def test_nothing_half_written_is_ever_called_eml(tmp_path):
    aside = f".mail_1.eml.{os.getpid()}"
    (tmp_path / f"{aside}-0").write_text("what a killed process left")

    FileTransport(tmp_path).send(MESSAGE)

    assert [path.name for path in tmp_path.glob("*.eml")] == ["mail_1.eml"]
