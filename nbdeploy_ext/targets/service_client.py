"""Requests to a running service, with its token where the engineer's file asks for one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.config import read_config
from ..core.errors import Unreachable
from ..core.secrets import read_secrets

if TYPE_CHECKING:
    import httpx

    from ..core.deployment import Deployment


def connect(deployment: Deployment, timeout: float = 60) -> httpx.Client:
    """Return a client that is bound to a deployment; `Unreachable` where it doesn't run.

    Raises `SecretMissing` where the service wants a token that is not known here.
    """
    if not deployment.url:
        raise Unreachable(
            f"{deployment.name} is {deployment.state}.", hint="Deploy it, or see its log."
        )
    folder = Path(deployment.notebook).parent if deployment.notebook else None
    auth = read_config(folder).service.auth if folder else None
    headers = (
        {"Authorization": f"Bearer {read_secrets([auth.secret])[auth.secret]}"} if auth else {}
    )
    import httpx  # noqa: PLC0415  (a fifth of a second, and most commands make no requests)

    # The environment's proxies are not for a service on loopback
    return httpx.Client(base_url=deployment.url, headers=headers, timeout=timeout, trust_env=False)


def ask(deployment: Deployment, route: str, *, timeout: float = 5, **query: Any) -> httpx.Response:
    """Return a service's answer to `GET`; `Unreachable`, `SecretMissing`."""
    import httpx  # noqa: PLC0415  (see `connect`)

    with connect(deployment, timeout) as client:
        try:
            return client.get(route, params=query)
        except httpx.HTTPError as fault:
            raise Unreachable(f"{deployment.name} does not answer.", hint="See its log.") from fault
