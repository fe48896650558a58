"""What a notebook shows of a value: pictures, HTML, Markdown; by IPython's own protocols."""

from __future__ import annotations

import base64
import sys
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeAlias

from .switching import eagerly

if TYPE_CHECKING:
    from collections.abc import Callable

# The richest first, as a notebook's front end has it
_METHODS = {
    "text/html": "_repr_html_",
    "image/svg+xml": "_repr_svg_",
    "image/png": "_repr_png_",
    "image/jpeg": "_repr_jpeg_",
    "application/pdf": "_repr_pdf_",
    "text/markdown": "_repr_markdown_",
    "text/latex": "_repr_latex_",
}
_FIGURE = {"image/png": "png", "image/svg+xml": "svg", "application/pdf": "pdf"}

Forms: TypeAlias = "dict[str, Callable[[], bytes | None]]"


def rich_forms(value: Any) -> Forms:
    """Return what makes each rich form of a value, by media type, the richest first."""
    figure = _figure(value)
    if figure is not None:
        return {kind: partial(_drawn, figure, form) for kind, form in _FIGURE.items()}
    if isinstance(value, type):
        return {}
    forms: Forms = {
        kind: partial(_shown, value, kind) for kind, name in _METHODS.items() if _has(value, name)
    }
    if _has(value, "_repr_mimebundle_"):
        with eagerly():
            bundle = value._repr_mimebundle_(include=None, exclude=None)
        found = (bundle[0] if isinstance(bundle, tuple) else bundle) or {}
        forms |= {kind: partial(_content, kind, content) for kind, content in found.items()}
        order = [*_METHODS, *found]
        forms = {kind: forms[kind] for kind in dict.fromkeys(order) if kind in forms}
    forms.pop("text/plain", None)  # every object has that one, and it says nothing
    return forms


def rich_types(kind: Any) -> tuple[str, ...]:
    """Return the rich forms that objects of a class surely have, the richest first."""
    artists = sys.modules.get("matplotlib.artist")
    if not isinstance(kind, type):
        return ()
    if artists is not None and issubclass(kind, artists.Artist):
        return tuple(_FIGURE)
    return tuple(said for said, name in _METHODS.items() if callable(getattr(kind, name, None)))


def close(value: Any) -> None:
    """Close the figure that a value is or belongs to: pyplot keeps what it made for ever."""
    figure, pyplot = _figure(value), sys.modules.get("matplotlib.pyplot")
    if figure is not None and pyplot is not None:
        pyplot.close(figure)


def _figure(value: Any) -> Any:
    matplotlib = sys.modules.get("matplotlib.figure")
    if matplotlib is None:
        return None
    if type(value).__name__ == "ndarray" and value.dtype == object and value.size:
        value = value.flat[0]  # the axes of a grid of plots
    for _ in range(2):  # what plot and bar return, and hist: its bars stand behind counts
        value = value[-1] if isinstance(value, (list, tuple)) and value else value
    if isinstance(value, matplotlib.FigureBase):
        return value.figure if isinstance(value, matplotlib.SubFigure) else value
    owner = getattr(value, "figure", None)  # axes, artists, seaborn's grids
    return owner if isinstance(owner, matplotlib.Figure) else None


def _drawn(figure: Any, form: str) -> bytes:
    file = BytesIO()
    # As notebooks do; savefig takes the canvas of the format, whatever the backend
    with eagerly():
        figure.savefig(file, format=form, bbox_inches="tight")
    return file.getvalue()


def _has(value: Any, name: str) -> bool:
    # Of the class: objects that answer to any name have no such form
    return callable(getattr(type(value), name, None))


def _shown(value: Any, kind: str) -> bytes | None:
    with eagerly():
        found = getattr(value, _METHODS[kind])()
    return _content(kind, found[0] if isinstance(found, tuple) else found)


def _content(kind: str, content: Any) -> bytes | None:
    if isinstance(content, bytes):
        return content
    if not isinstance(content, str):
        return None
    is_text = kind.startswith("text/") or kind.endswith(("+xml", "javascript"))
    return content.encode() if is_text else base64.b64decode(content)
