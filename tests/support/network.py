"""No test talks to the world: this process may connect to its own machine only.

An audit hook of the interpreter sees every connection that Python code makes, whichever library
asks for it, and cannot be removed again; nothing is patched.
"""

import ipaddress
import sys


class NetworkForbidden(AssertionError):
    """A test tried to reach another machine."""


def allow_loopback_only() -> None:
    sys.addaudithook(_refuse_other_machines)


def _refuse_other_machines(event: str, args: tuple[object, ...]) -> None:
    if event == "socket.connect" and isinstance(args[1], tuple):
        host = args[1][0]
    elif event == "socket.getaddrinfo":
        host = args[0]
    else:
        return
    if not _is_this_machine(host):
        raise NetworkForbidden(f"a test reached for {host!r}")


def _is_this_machine(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode()
    if host in {None, "", "localhost", "localhost.localdomain"}:
        return True
    try:
        address = ipaddress.ip_address(str(host))
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
