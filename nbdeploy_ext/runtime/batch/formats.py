"""What a table's file is, by its name or as it is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .faults import WrongUsage

if TYPE_CHECKING:
    from typing import TypeAlias

    from .places import Place

Kind: TypeAlias = "Literal['csv', 'jsonl', 'parquet']"
KINDS: tuple[Kind, ...] = ("csv", "parquet", "jsonl")
_ENDINGS: dict[str, Kind] = {
    ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet", ".pq": "parquet",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Format:
    """What a table's file is; only text comes gzipped."""

    kind: Kind
    zipped: bool = False


def format_of(place: Place, said: Kind | None) -> Format:
    """Return the format by the name's ending, or the one `said` where that tells nothing."""
    name = place.name.lower()
    zipped = name.endswith(".gz")
    bare = name.removesuffix(".gz")
    kind = next((k for ending, k in _ENDINGS.items() if bare.endswith(ending)), said)
    if kind is None:
        raise WrongUsage(f"What is {place.name}? Say --format csv|parquet|jsonl.")
    if kind == "parquet" and zipped:
        raise WrongUsage(f"{place.name}: Parquet is compressed inside; take the .gz away.")
    return Format(kind, zipped)
