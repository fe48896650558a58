"""Calls in a PostgreSQL database, which several services and machines may share."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import psycopg

from .calls import Call, Kept, StoreFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

_WAIT = 5
_LOCK = 7_268_338
"""Any number, the same for all: two processes can't make one table at once."""
_TABLE = """
CREATE TABLE IF NOT EXISTS nbdeploy_calls (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, service text NOT NULL,
    endpoint text NOT NULL, time timestamptz NOT NULL, latency_ms double precision NOT NULL,
    status integer NOT NULL, inputs text, output text, error text, cell text, line integer,
    version integer
);
CREATE INDEX IF NOT EXISTS nbdeploy_calls_service ON nbdeploy_calls (service, id)
"""
_WRITE = """
COPY nbdeploy_calls (service, endpoint, time, latency_ms, status, inputs, output, error, cell,
                     line, version) FROM STDIN
"""
_FORGET = """
DELETE FROM nbdeploy_calls WHERE service = %(service)s AND id <= (
    SELECT id FROM nbdeploy_calls WHERE service = %(service)s
    ORDER BY id DESC OFFSET %(keep)s LIMIT 1)
"""
_READ = """
SELECT endpoint, extract(epoch FROM time)::float8, latency_ms, status, inputs, output, error, cell,
       line, version
FROM nbdeploy_calls WHERE service = %s ORDER BY id DESC LIMIT %s
"""


class PostgresStore:
    """The table `nbdeploy_calls`; a service sees its own rows."""

    is_instant = False

    def __init__(self, url: str, service: str, keep: int) -> None:
        """Connect to nothing yet: a service starts while its database is down."""
        self._url = url
        self._service = service
        self.keep = keep
        self._connection: psycopg.Connection[Any] | None = None

    def write(self, calls: Sequence[Kept]) -> None:
        """Keep calls, and forget the oldest ones."""
        try:
            if self._connection is None:
                self._connection = self._connect()
                _make_table(self._connection)
            with self._connection.transaction(), self._connection.cursor() as cursor:
                with cursor.copy(_WRITE) as rows:
                    for kept in calls:
                        rows.write_row(self._row(kept))
                cursor.execute(_FORGET, {"service": self._service, "keep": self.keep})
        except psycopg.Error as fault:
            self.close()
            raise StoreFailed(_said(fault)) from None

    def read(self, limit: int | None) -> list[Kept]:
        """Return the last calls."""
        try:
            with self._connect() as connection:
                rows = connection.execute(_READ, (self._service, limit)).fetchall()
        except psycopg.errors.UndefinedTable:  # nothing was written yet
            return []
        except psycopg.Error as fault:
            raise StoreFailed(_said(fault)) from None
        return [_kept(row) for row in reversed(rows)]

    def close(self) -> None:
        """Close the writer's connection; the next write opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def discard(self) -> None:
        """Do nothing: the database is somebody's."""

    def _connect(self) -> psycopg.Connection[Any]:
        # A server that says nothing must not hold the writer up for ever
        return psycopg.connect(
            self._url, autocommit=True, connect_timeout=_WAIT, tcp_user_timeout=_WAIT * 1000,
            options=f"-c statement_timeout={_WAIT}s", application_name=f"nbdeploy {self._service}",
        )  # fmt: skip

    def _row(self, kept: Kept) -> tuple[object, ...]:
        call = kept.call
        when = datetime.fromtimestamp(call.time, timezone.utc)
        return (
            self._service, call.endpoint, when, call.latency_ms, call.status, _text(call.inputs),
            _text(call.output), call.error, call.cell, call.line, kept.version,
        )  # fmt: skip


def _make_table(connection: psycopg.Connection[Any]) -> None:
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        connection.execute(_TABLE)


def _text(raw: bytes | None) -> str | None:
    """Return a body as text; one that is none is not kept, and PostgreSQL has no NUL."""
    try:
        return None if raw is None else raw.decode().replace("\0", "\ufffd")
    except UnicodeDecodeError:
        return None


def _kept(row: tuple[Any, ...]) -> Kept:
    *call, version = row
    found = Call(*call)
    inputs, output = (None if t is None else t.encode() for t in (found.inputs, found.output))  # type: ignore[attr-defined]
    return Kept(found._replace(inputs=inputs, output=output), version)


def _said(fault: psycopg.Error) -> str:
    """Return what went wrong without names and addresses: they may be of a secret URL."""
    first = str(fault).partition("\n")[0]
    return f"{type(fault).__name__}: " + re.sub(r"(['\"]).*?\1", "…", first)
