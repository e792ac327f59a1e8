"""The adapter below HTTP: what never left is NotSent, and nobody else is asked to carry it."""

import socket
import threading
from collections.abc import Iterator

import pytest

from payments_app.gateway.port import IntentSeen, NotSent, Unknown
from payments_app.gateway.stripe_adapter import StripeGateway
from tests.gateway.conftest import create
from tests.support.ports import free_port


def test_nobody_listening_means_that_nothing_was_sent():
    seen = StripeGateway(f"http://127.0.0.1:{free_port()}", "sk_test_x").send(create())

    assert isinstance(seen, NotSent)


def test_a_machine_that_does_not_take_connections_means_that_nothing_was_sent():
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        # Fill the backlog, so that the next handshake gets no answer.
        waiting = [socket.socket() for _ in range(4)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(deaf.getsockname())
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"

        seen = StripeGateway(url, "sk_test_x", connect_timeout_s=0.2).send(create())

        for client in waiting:
            client.close()
    assert isinstance(seen, NotSent)


@pytest.fixture
def trap() -> Iterator[str]:
    """A server that sends everybody elsewhere, and counts who follows."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        answer = f"HTTP/1.1 307 X\r\nLocation: {url}/login\r\nContent-Length: 0\r\n\r\n"

        def serve() -> None:
            client, _ = server.accept()
            with client:
                client.recv(65536)
                client.sendall(answer.encode())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield url
        thread.join(timeout=5)


def test_a_redirect_is_not_followed(trap):
    # A 307 would carry the order to pay to whoever the answer names.
    assert isinstance(StripeGateway(trap, "sk_test_x").send(create()), Unknown)


def test_proxies_and_netrc_of_the_surroundings_are_not_used(
    simulator, gateway, monkeypatch, tmp_path
):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    assert isinstance(gateway.send(create()), IntentSeen)
