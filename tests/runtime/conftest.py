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
    """Return what writes an app and serves it.

    `env` is the process's environment, `manifest_env` what the engineer's file adds to it.
    """
    with ExitStack() as stack:
        yield _starter(tmp_path / "app", stack)


@pytest.fixture(scope="module")
def start_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Running]]:
    """Return the same for a module whose tests share one service."""
    with ExitStack() as stack:
        yield _starter(tmp_path_factory.mktemp("shared") / "app", stack)


def _starter(folder: Path, stack: ExitStack) -> Callable[..., Running]:
    def begin(
        *cells: tuple[str, str, str],
        env: dict[str, str] | None = None,
        manifest_env: dict[str, Any] | None = None,
        **more: Any,
    ) -> Running:
        running = serve(write_app(folder, *cells, env=manifest_env or {}, **more), 0, **(env or {}))
        stack.callback(running.stop)
        return running

    return begin
