"""From imports to exact distributions of the kernel's environment, and to a lock."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lock:
    """What gets installed into an image, to the byte.

    `text` is a requirements file with hashes (`--require-hashes`); `tools_text` is the same for
    what only the gate needs, on top of it. `python` is the minor version, `platform` the OCI one.
    """

    python: str
    platform: str
    text: str
    tools_text: str
    python_executable: str
    """The kernel's interpreter on this machine: it compiles byte code for the image."""
