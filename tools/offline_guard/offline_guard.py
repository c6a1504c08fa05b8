"""Refuses every attempt of a Python process to reach another machine, whichever of socket's doors it takes.

Loopback stays open: that is how Jupyter talks to its kernels. A hook of this kind cannot be taken away again.
"""

import ipaddress
import socket
import sys

refused: list[str] = []  # every address asked for, also where the caller swallowed the error


def install() -> None:
    """Guard this process from now on: an attempt raises RuntimeError. Programs that it starts are not guarded."""
    sys.addaudithook(_guard)


def _guard(event: str, arguments: tuple) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):  # also connect_ex and UDP
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # a Unix socket's address is a path
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"):
        address = arguments[0]
        host = address[0] if isinstance(address, tuple) else address
    else:
        return
    if not _is_this_machine(host):
        refused.append(f"{address}")
        raise RuntimeError(f"The offline guard refused a connection to {address}: this must run without a network.")


def _is_this_machine(host: str | bytes | None) -> bool:
    if isinstance(host, bytes):
        host = host.decode()
    if host in (None, "", "localhost", socket.gethostname()):
        return True
    try:
        address = ipaddress.ip_address(host.split("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
