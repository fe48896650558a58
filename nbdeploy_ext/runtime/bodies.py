"""Bodies that are no plain JSON to arguments: tables, forms, files, by their media type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from pydantic_core import from_json

from .faults import ArgumentsInvalid, describe
from .fields import File, json_of_texts, read_file, read_texts
from .media import (
    ARROW,
    BINARY,
    FORM,
    JSON,
    MULTIPART,
    TABLES,
    TEXT,
    MediaTypeUnknown,
    has_arrow,
    is_json_as_form,
    read_media_type,
    type_of_file,
)
from .multipart import Part, read_parts
from .roles import is_file, is_files, is_polars_frame, is_text, only_argument, table_argument
from .tables import decode_text
from .values import dump_value

if TYPE_CHECKING:
    from .codec import Codec

_NO_ARROW = "Parquet and Arrow need pyarrow, which this image doesn't have."
_UTF8 = frozenset({"utf-8", "utf8", "us-ascii"})

Texts = dict[str, list[str]]


def body_types(codec: Codec) -> tuple[str, ...]:
    """Return the media types that an endpoint takes, JSON first."""
    types = [JSON]
    table = table_argument(codec.hints)
    if table is not None:
        types += [kind for kind in TABLES if _is_readable(kind, codec.hints[table])]
    if only_argument(codec.hints, is_file) is not None:
        types.append(BINARY)
    if only_argument(codec.hints, is_text) is not None:
        types.append(TEXT)
    return (*types, FORM, MULTIPART)


def read_body(codec: Codec, body: bytes, content_type: str, query: str) -> dict[str, Any]:
    """Return a call's arguments, from its body by type and, beside a body, from its query.

    Raises `BodyUnreadable`, `ArgumentsInvalid`, `MediaTypeUnknown`.
    """
    kind, parameters = read_media_type(content_type)
    asked = _texts(query)
    whole = File(body, kind, parameters.get("charset", "utf-8").lower())
    if kind == FORM and not is_json_as_form(kind, body):
        return _assembled(codec, asked | _texts(decode_text(body, "utf-8")), {})
    if kind in {"", JSON, FORM}:
        return _with_query(codec, whole, asked)
    if kind == MULTIPART:
        return _of_form(codec, read_parts(body, parameters.get("boundary", "")), asked)
    return _assembled(codec, asked, {_taker(codec, kind): [whole]})


def _with_query(codec: Codec, body: File, asked: Texts) -> dict[str, Any]:
    """Return the arguments of a JSON body; those that it lacks may stand in the query."""
    content = body.content
    if body.charset not in _UTF8:
        content = decode_text(content, body.charset).encode()
    known = {name: texts for name, texts in asked.items() if name in codec.fields}
    if not known:
        return codec.decode(content)
    try:
        loaded = from_json(content or b"{}")
    except ValueError:
        return codec.decode(content)
    if not isinstance(loaded, dict):
        return codec.decode(content)
    told = {name: json_of_texts(codec, name, texts) for name, texts in known.items()}
    return codec.decode(dump_value(told | loaded))


def _taker(codec: Codec, kind: str) -> str:
    """Return the argument that a whole body of a type is; `MediaTypeUnknown` if none is."""
    table = table_argument(codec.hints) if kind in TABLES else None
    if table is not None and _is_readable(kind, codec.hints[table]):
        return table
    # A file is a file, whatever is in it; text without a type of its own is none
    wanted = is_text if kind == TEXT else is_file
    name = only_argument(codec.hints, wanted)
    if name is None:
        raise _unknown(codec, kind)
    return name


def _is_readable(kind: str, hint: Any) -> bool:
    return kind not in ARROW or has_arrow() or is_polars_frame(hint)


def _unknown(codec: Codec, kind: str) -> MediaTypeUnknown:
    return MediaTypeUnknown(
        body_types(codec), _NO_ARROW if kind in ARROW and not has_arrow() else ""
    )


def _of_form(codec: Codec, parts: list[Part], asked: Texts) -> dict[str, Any]:
    texts = dict(asked)
    files: dict[str, list[File]] = {}
    for part in parts:
        kind, parameters = read_media_type(part.content_type)
        charset = parameters.get("charset", "utf-8").lower()
        hint = codec.hints.get(part.name)
        if part.filename or kind not in {"", TEXT} or is_file(hint) or is_files(hint):
            # Windows calls CSV Excel's; what is no table by its type may be one by its name
            kind = kind if kind in {JSON, *TABLES} else type_of_file(part.filename) or kind
            if not (is_file(hint) or is_files(hint) or _is_readable(kind, hint)):
                raise _unknown(codec, kind)
            files.setdefault(part.name, []).append(File(part.content, kind, charset))
        else:
            sent = texts.get(part.name, []) if part.name not in asked else []
            texts[part.name] = [*sent, decode_text(part.content, charset)]
    return _assembled(codec, texts, files)


def _assembled(codec: Codec, texts: Texts, files: dict[str, list[File]]) -> dict[str, Any]:
    """Read each argument by its hint; every one that is wrong, missing or unknown is told."""
    arguments: dict[str, Any] = {}
    problems: list[dict[str, Any]] = []
    for name in dict.fromkeys([*codec.fields, *texts, *files]):
        try:
            if name not in codec.fields and not codec.takes_any_name:
                problems.append(describe(name, "There is no such argument"))
            elif name in files:
                arguments[name] = read_file(codec, name, files[name])
            elif name in texts:
                arguments[name] = read_texts(codec, name, texts[name])
            elif name in codec.required:
                problems.append(describe(name, "Field required"))
        except ArgumentsInvalid as fault:  # noqa: PERF203  (each is told)
            problems += fault.problems
    if problems:
        raise ArgumentsInvalid(problems)
    return arguments


def _texts(pairs: str) -> Texts:
    found: Texts = {}
    for name, text in parse_qsl(pairs, keep_blank_values=True):
        found.setdefault(name, []).append(text)
    return found
