"""The image that a bundle becomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Image:
    """A built image: what to call it, what it is, and what it says of itself.

    `reference` is a name that its target understands, `digest` is `sha256:…` of its content.
    """

    reference: str
    digest: str
    labels: Mapping[str, str]
