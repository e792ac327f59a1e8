"""Free ports of this machine, for servers that tests start."""

from demos.ground import free_ports


def free_port() -> int:
    return free_ports(1)[0]
