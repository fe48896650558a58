"""The manifest: what the runtime reads to serve a notebook; the contract with the builder.

It needs the standard library only, because the builder imports it too. The runtime's records are
named tuples: to make a frozen dataclass takes four times as long, 0.7 ms of each start.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = 1
"""Raised when a runtime of today could misread a manifest of tomorrow."""

Setting = Any
"""A literal of `nbdeploy.toml`, or `{"secret": NAME}` for a value known at run time only."""


class ManifestCell(NamedTuple):
    """One cell that ships: `sha256` is of its source's UTF-8 bytes, `index` counts from 0.

    `lines` replaces lines (numbered from 1) that are no Python, magics say, when the cell is
    compiled; the source itself ships untouched.
    """

    id: str
    index: int  # type: ignore[assignment]  # hides what a tuple has
    role: str
    sha256: str
    lines: Mapping[str, str] = {}


class ManifestCells(NamedTuple):
    """Cells that are a function: `cells` run at each call, with `values` loaded anew.

    `parameters` are what callers may set. The last cell's last expression is the answer, or an
    object of the names in `answer`. `random` are packages whose random state each call begins with
    as start-up left it.
    """

    cells: tuple[str, ...]
    parameters: tuple[str, ...]
    values: tuple[str, ...] = ()
    answer: tuple[str, ...] = ()
    random: tuple[str, ...] = ()


class ManifestEndpoint(NamedTuple):
    """One served function; `examples` are calls found in the notebook (keyword arguments).

    With `cells` the function is not the notebook's own: the cells are it.
    """

    name: str
    path: str
    cell: str
    examples: tuple[dict[str, Any], ...] = ()
    cells: ManifestCells | None = None


class ManifestValue(NamedTuple):
    """One object that ships as data, in `values/<sha256>`.

    It comes in behind all cells up to `index`; `cell` is the one that made it.
    """

    name: str
    cell: str
    index: int  # type: ignore[assignment]  # hides what a tuple has
    sha256: str
    type: str


class ServiceSettings(NamedTuple):
    """How the service answers: seconds, a port inside the container, a secret's name.

    Calls of `batchable` endpoints may be joined into one.
    """

    port: int = 8000
    workers: int = 1
    timeout: float = 30.0
    auth: str | None = None
    batchable: tuple[str, ...] = ()


class CallSettings(NamedTuple):
    """What is kept of calls: at most `keep` of them, inputs only where `inputs`."""

    keep: int = 10_000
    store: Setting = "sqlite"
    inputs: bool = True


class AlertSettings(NamedTuple):
    """Apprise URLs (literal or secret) and the seconds between two alerts of one monitor."""

    channels: tuple[Setting, ...] = ()
    cooldown: float = 900.0


class Manifest(NamedTuple):
    """Everything that the runtime has to know; `cells` are in notebook order."""

    name: str
    notebook: str
    notebook_sha256: str
    cells: tuple[ManifestCell, ...]
    endpoints: tuple[ManifestEndpoint, ...]
    values: tuple[ManifestValue, ...] = ()
    git_commit: str | None = None
    imports: tuple[str, ...] = ()
    parameters: Mapping[str, Setting] = {}
    env: Mapping[str, Setting] = {}
    service: ServiceSettings = ServiceSettings()
    calls: CallSettings = CallSettings()
    monitors_every: float = 60.0
    tests_timeout: float = 300.0
    alerts: AlertSettings = AlertSettings()
    format: int = FORMAT

    def cells_of(self, role: str) -> tuple[ManifestCell, ...]:
        """Return the cells with `role`, in notebook order."""
        return tuple(cell for cell in self.cells if cell.role == role)

    def secret_names(self) -> tuple[str, ...]:
        """Return the names of all secrets that the service needs at run time, sorted."""
        settings = [
            *self.parameters.values(),
            *self.env.values(),
            *self.alerts.channels,
            self.calls.store,
        ]
        names = {name for name in map(secret_name, settings) if name is not None}
        if self.service.auth is not None:
            names.add(self.service.auth)
        return tuple(sorted(names))

    def as_bytes(self) -> bytes:
        """Return the file's content: JSON with sorted keys, so that same means same bytes."""
        return (json.dumps(_plain(self), sort_keys=True, indent=1) + "\n").encode()


def _plain(part: Any) -> Any:
    """Return records as dicts, by their fields' names."""
    if hasattr(part, "_asdict"):
        return {name: _plain(value) for name, value in part._asdict().items()}
    return list(map(_plain, part)) if isinstance(part, tuple) else part


def secret_name(setting: Setting) -> str | None:
    """Return the secret that `setting` stands for, or None for a literal."""
    if isinstance(setting, dict) and set(setting) == {"secret"}:
        return str(setting["secret"])
    return None


def read_manifest(content: bytes) -> Manifest:
    """Read a manifest file's bytes; `ValueError` when they are of another format."""
    raw = json.loads(content)
    if raw.get("format") != FORMAT:
        message = f"manifest format {raw.get('format')!r} is not {FORMAT}"
        raise ValueError(message)
    return Manifest(
        **{
            **raw,
            "cells": tuple(ManifestCell(**cell) for cell in raw["cells"]),
            "endpoints": tuple(map(_endpoint, raw["endpoints"])),
            "values": tuple(ManifestValue(**value) for value in raw["values"]),
            "imports": tuple(raw["imports"]),
            "service": ServiceSettings(
                **{**raw["service"], "batchable": tuple(raw["service"].get("batchable", ()))}
            ),
            "calls": CallSettings(**raw["calls"]),
            "alerts": AlertSettings(
                channels=tuple(raw["alerts"]["channels"]), cooldown=raw["alerts"]["cooldown"]
            ),
        }
    )


def _endpoint(raw: dict[str, Any]) -> ManifestEndpoint:
    found = raw.get("cells")
    cells = ManifestCells(**{k: tuple(names) for k, names in found.items()}) if found else None
    return ManifestEndpoint(**{**raw, "examples": tuple(raw["examples"]), "cells": cells})
