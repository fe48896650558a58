"""Media types: what a header says, and which of several offers a caller likes best (RFC 9110)."""

from __future__ import annotations

import importlib.util
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = "application/json"
CSV = "text/csv"
TSV = "text/tab-separated-values"
NDJSON = "application/x-ndjson"
PARQUET = "application/vnd.apache.parquet"
ARROW_STREAM = "application/vnd.apache.arrow.stream"
ARROW_FILE = "application/vnd.apache.arrow.file"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
BINARY = "application/octet-stream"
TEXT = "text/plain"

ARROW = (PARQUET, ARROW_STREAM, ARROW_FILE)
TABLES = (CSV, TSV, NDJSON, *ARROW)
_OTHER_NAMES = {
    "application/csv": CSV,
    "application/x-parquet": PARQUET,
    "application/parquet": PARQUET,
    "application/ndjson": NDJSON,
    "application/jsonl": NDJSON,
    "application/x-jsonl": NDJSON,
    "application/jsonlines": NDJSON,
    "application/x-jsonlines": NDJSON,
    "application/x-apache-arrow-stream": ARROW_STREAM,
    "text/json": JSON,
}
_ENDINGS = {
    "csv": CSV, "tsv": TSV, "json": JSON, "jsonl": NDJSON, "ndjson": NDJSON, "parquet": PARQUET,
    "pq": PARQUET, "arrows": ARROW_STREAM, "arrow": ARROW_FILE, "feather": ARROW_FILE,
}  # fmt: skip


class MediaTypeUnknown(Exception):
    """A body is of a type that an endpoint does not take; `accepted` are those it does."""

    def __init__(self, accepted: tuple[str, ...], why: str = "") -> None:
        """Keep the types."""
        more = f" {why}" if why else ""
        super().__init__(f"The body's type is none of {', '.join(accepted)}.{more}")
        self.accepted = accepted


class NotAcceptable(Exception):
    """A result has none of the forms that its caller accepts; `offered` are those it has."""

    def __init__(self, offered: tuple[str, ...]) -> None:
        """Keep the types."""
        super().__init__(f"The result is had as {', '.join(offered)} only.")
        self.offered = offered


@cache
def has_arrow() -> bool:
    """Say whether Parquet and Arrow can be read and written here."""
    return importlib.util.find_spec("pyarrow") is not None


@lru_cache(maxsize=64)
def read_media_type(header: str) -> tuple[str, Mapping[str, str]]:
    """Return a `Content-Type` as one name for each type, and its parameters."""
    from email.message import Message  # noqa: PLC0415  (small calls are known JSON)

    message = Message()
    message["content-type"] = header.replace("\r", " ").replace("\n", " ")
    found = message.get_params(failobj=[("", "")])
    name = found[0][0].strip().lower()
    if name.startswith("application/") and name.endswith("+json"):
        name = JSON
    return _OTHER_NAMES.get(name, name), dict(found[1:])


def is_json_as_form(content_type: str, body: bytes) -> bool:
    """Say whether a body that calls itself a form is JSON: `curl -d` calls everything one."""
    # A form begins with an argument's name, which none of these begins
    return content_type.lower().startswith(FORM) and body.lstrip().startswith((b"{", b"[", b'"'))


def type_of_file(name: str) -> str:
    """Return the media type that a file's ending means, nothing for an unknown one."""
    return _ENDINGS.get(name.rpartition(".")[2].lower(), "")


@lru_cache(maxsize=64)
def choose(accept: str, offers: tuple[str, ...]) -> str:
    """Return the offer that `Accept` likes best; the first of equals. Raises `NotAcceptable`.

    Equal in quality, the type that the caller names first wins; wildcards leave the choice to us.
    """
    ranges = [_read_range(part, place) for place, part in enumerate(accept.split(","))]
    ranges = [found for found in ranges if found[0]] or [("*/*", 1.0, 0)]
    best, best_rank = "", (0.0, 0, 0)
    for offer in offers:
        fits = [found for found in ranges if _fits(found[0], offer)]
        if not fits:
            continue
        name, quality, place = max(fits, key=lambda found: _precision(found[0]))
        rank = (quality, int("*" not in name), -place if "*" not in name else 0)
        if quality > 0 and rank > best_rank:
            best, best_rank = offer, rank
    if not best:
        raise NotAcceptable(offers)
    return best


def _read_range(part: str, place: int) -> tuple[str, float, int]:
    name, *parameters = [piece.strip().lower() for piece in part.split(";")]
    quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
    try:
        weight = min(max(float(quality), 0.0), 1.0)
    except ValueError:
        weight = 0.0
    return _OTHER_NAMES.get(name, name), weight, place


def _fits(name: str, offer: str) -> bool:
    return name in {"*/*", offer} or (name.endswith("/*") and offer.startswith(name[:-1]))


def _precision(name: str) -> int:
    return 0 if name == "*/*" else 1 if name.endswith("/*") else 2
