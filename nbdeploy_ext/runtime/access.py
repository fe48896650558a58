"""Who may ask what: the bearer token of a service."""

from __future__ import annotations

import hmac

OPEN = frozenset({"/", "/docs", "/healthz", "/readyz"})
"""What needs no token: the probes, and a page without content that asks for the token."""


class Token:
    """Knows the bearer token (RFC 6750) that callers must send, where there is one."""

    def __init__(self, token: str | None) -> None:
        """Let everybody in without a token."""
        self._expected = token.encode() if token else None

    def is_sent(self, authorization: bytes) -> bool:
        """Say whether the value of an Authorization header lets its caller in."""
        if self._expected is None:
            return True
        scheme, _, given = authorization.partition(b" ")
        is_known = hmac.compare_digest(given.strip(), self._expected)
        return scheme.lower() == b"bearer" and is_known
