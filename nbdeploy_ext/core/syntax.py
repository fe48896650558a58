"""Python source as a syntax tree, whatever the source is, parsed once."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass
from functools import lru_cache

_FLAGS = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


@dataclass(frozen=True, slots=True)
class Parsed:
    """A module's tree, or why there is none; `too_deep` where it is Python that is too nested."""

    tree: ast.Module | None
    fault: SyntaxError | None = None
    too_deep: bool = False


def parse(text: str | bytes) -> Parsed:
    """Parse source as a notebook cell, or a module's bytes in the encoding that they name."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `"\d"` warns here; the kernel has said so already
            tree = compile(text, "<cell>", "exec", _FLAGS, dont_inherit=True)
    except SyntaxError as fault:
        return Parsed(None, fault)
    except ValueError as fault:  # null bytes and lone surrogates
        return Parsed(None, SyntaxError(str(fault)))
    except (RecursionError, MemoryError):
        return Parsed(None, SyntaxError("too deeply nested to be analysed"), too_deep=True)
    assert isinstance(tree, ast.Module)  # noqa: S101  (PyCF_ONLY_AST answers nothing else)
    return Parsed(tree)


@lru_cache(maxsize=256)
def shared_tree(text: str) -> ast.Module | None:
    """Return the tree of source that was read before; nobody may change it."""
    return parse(text).tree
