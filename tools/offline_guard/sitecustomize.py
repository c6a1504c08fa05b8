"""A socket guard. With this folder on PYTHONPATH, Python runs this file at start-up, notebook kernels included, and any
attempt to reach another machine raises. Loopback stays open: that is how Jupyter talks to its kernels.
"""

import ipaddress
import socket
import sys


def _is_this_machine(host) -> bool:
    if isinstance(host, bytes):
        host = host.decode()
    if host in (None, "", "localhost", socket.gethostname()):
        return True
    try:
        return ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:
        return False


def _guard(event: str, arguments: tuple) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # a Unix socket's address is a path
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        address = host = arguments[0]
    else:
        return
    if not _is_this_machine(host):
        raise RuntimeError(f"The offline guard refused a connection to {address}: lessons must run without a network.")


sys.addaudithook(_guard)
