"""Ports of this machine: chosen for one deployment, and held until its service has them."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
from filelock import FileLock

from ..core.errors import PortInUse

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"
_TRIES = 20


@contextmanager
def hold_port(wanted: int | None) -> Iterator[int]:
    """Yield a free port, `wanted` where that is free, that no other deployment can get meanwhile.

    It is bound but not listened on, so that a service may share it (SO_REUSEPORT) and answers
    alone. Raises `PortInUse`.
    """
    holder = _hold(wanted)
    try:
        yield int(holder.getsockname()[1])
    finally:
        holder.close()


def require_free(port: int) -> None:
    """Raise `PortInUse` where a service could not listen on a port of loopback."""
    with socket.socket() as probe:
        # As the service asks for it: what is left of closed connections is in nobody's way
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as fault:
            raise PortInUse(
                f"Port {port} can't be had: {(fault.strerror or str(fault)).lower()}.",
                hint="Stop what listens there, or choose another one.",
            ) from fault


def _hold(wanted: int | None) -> socket.socket:
    folder = Path(platformdirs.user_state_dir("nbdeploy")) / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    # One at a time: between looking whether a port is free and holding it lies a gap
    with FileLock(folder / "ports.lock", timeout=10):
        for port in (wanted or 0, *[0] * _TRIES):
            try:
                return _bound(_free(port), shared=True)
            except OSError:  # taken: try another  # noqa: PERF203
                continue
    raise PortInUse("There is no free port on this machine.", hint="Stop what uses them.")


def _free(port: int) -> int:
    """Return the port if nothing at all is bound to it, sharing or not."""
    with _bound(port, shared=False) as probe:
        return int(probe.getsockname()[1])


def _bound(port: int, *, shared: bool) -> socket.socket:
    made = socket.socket()
    try:
        if shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind((HOST, port))
    except OSError:
        made.close()
        raise
    return made
