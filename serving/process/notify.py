"""What systemd wants to know of a service: ready, reloading, alive, about to end.

Messages go to the socket that the environment variable `NOTIFY_SOCKET` names; without it nothing is
sent.

References
----------
https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

import contextlib
import socket
import time
from collections.abc import Mapping

READY, STOPPING, ALIVE = "READY=1", "STOPPING=1", "WATCHDOG=1"


def reloading() -> str:
    """Message that the configuration is being read again, to be followed by `READY`."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000}"


def notify(environment: Mapping[str, str], message: str) -> None:
    """Send a message to the service manager, if there is one; never wait for it.

    Parameters
    ----------
    environment : mapping of name to text
        Environment variables; `NOTIFY_SOCKET` is a path, or "@" and an abstract name.
    message : str
        Lines of a name, "=" and a value.
    """
    address = environment.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with (
        contextlib.suppress(OSError),  # a manager that does not listen must not stop the service
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
    ):
        sender.setblocking(False)
        sender.sendto(message.encode(), address)
