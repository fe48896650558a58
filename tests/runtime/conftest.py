"""Apps that are stopped when their test ends."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtime.apps import Running, serve, write_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Return what writes an app and serves it; `env` is its environment."""
    with ExitStack() as stack:

        def begin(*cells: tuple[str, str, str], env: dict[str, str] | None = None,
                  **more: Any) -> Running:  # fmt: skip
            running = serve(write_app(tmp_path / "app", *cells, **more), **(env or {}))
            stack.callback(running.stop)
            return running

        yield begin
