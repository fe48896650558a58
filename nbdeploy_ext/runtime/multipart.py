"""`multipart/form-data` bodies (RFC 7578) as parts; they are in memory already, whole."""

from __future__ import annotations

from typing import NamedTuple

from .faults import BodyUnreadable

MOST_PARTS = 1000
_HEADS = 16 * 2**10


class Part(NamedTuple):
    """One field or file of a form; `filename` and `content_type` are empty where none is said."""

    name: str
    filename: str
    content_type: str
    content: bytes


def read_parts(body: bytes, boundary: str) -> list[Part]:
    """Return the parts of a body; `BodyUnreadable` where it is not whole."""
    if not boundary:
        raise BodyUnreadable("The body's type names no boundary.")
    mark = b"\r\n--" + boundary.encode("latin-1", "replace")
    # The first delimiter may stand at the very beginning
    pieces = (b"\r\n" + body).split(mark, MOST_PARTS + 2)
    if len(pieces) > MOST_PARTS + 2:
        raise BodyUnreadable(f"The body has over {MOST_PARTS} parts.")
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise BodyUnreadable("The body is not multipart: its end is missing.")
    return [_part(piece) for piece in pieces[1:-1]]


def _part(piece: bytes) -> Part:
    # Not before a form comes: it would delay each start
    from email.parser import BytesHeaderParser  # noqa: PLC0415
    from email.policy import HTTP  # noqa: PLC0415

    padding, _, piece = piece.partition(b"\r\n")
    head, found, content = (b"\r\n" + piece).partition(b"\r\n\r\n")
    if padding.strip() or not found or len(head) > _HEADS:
        raise BodyUnreadable("The body is not multipart: a part has no head.")
    headers = BytesHeaderParser(policy=HTTP).parsebytes(head.lstrip(b"\r\n") + b"\r\n\r\n")
    disposition = headers["content-disposition"]
    told = dict(disposition.params) if disposition is not None else {}
    if "name" not in told:
        raise BodyUnreadable("The body is not multipart: a part has no name.")
    kind = str(headers.get("content-type", ""))
    return Part(str(told["name"]), str(told.get("filename", "")), kind, content)
