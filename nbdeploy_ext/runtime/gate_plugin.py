"""What makes pytest run a cell: collection of one module object, and an outcome for each test."""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Any, TypedDict

import pytest

from .loader import wait_for

if TYPE_CHECKING:
    import types
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from .loader import App
    from .manifest import ManifestCell

_log = logging.getLogger("nbdeploy.gate")


class Outcome(TypedDict):
    """One test: `line` counts from 1 within `cell`."""

    name: str
    cell: str
    line: int | None
    outcome: str
    message: str


def failed(name: str, cell: str, line: int | None, error: BaseException, told: str = "") -> Outcome:
    """Return a failure with the assertion's message, or the exception and where it arose."""
    text = str(error)
    message = (
        text if isinstance(error, AssertionError) and text else f"{type(error).__name__}: {text}"
    )
    return Outcome(name=name, cell=cell, line=line, outcome="failed", message=message + told)


def told_place(
    app: App, cell: ManifestCell, error: BaseException
) -> tuple[int | None, BaseException, str]:
    """Return the line in the test's own cell, the error, and which other cell raised it."""
    line = app.place(error, within=cell.id)[1]
    raised, there = app.place(error)
    return line, error, f" (cell {raised}, line {there})" if raised not in {None, cell.id} else ""


class CellPlugin:
    """Lets pytest collect one module object in place of the notebook file."""

    def __init__(
        self, app: App, cell: ManifestCell, module: types.ModuleType, client: httpx.Client
    ) -> None:
        """Collect outcomes by test, in `outcomes`."""
        self._app = app
        self._cell = cell
        self._module = module
        self._client = client
        self.outcomes: dict[str, Outcome] = {}

    @pytest.fixture
    def client(self) -> httpx.Client:
        """Return the client that is bound to the running service."""
        return self._client

    def pytest_collect_file(self, file_path: Path, parent: Any) -> Any:
        """Take the notebook for the module that the cell made."""
        module = self._module

        class Cell(pytest.Module):
            def _getobj(self) -> types.ModuleType:
                return module

        return Cell.from_parent(parent, path=file_path)

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: Any) -> bool | None:
        """Await tests that are coroutines, on a loop of their own."""
        if not inspect.iscoroutinefunction(pyfuncitem.obj):
            return None
        names = pyfuncitem._fixtureinfo.argnames  # noqa: SLF001  (as pytest's own hook reads it)
        wait_for(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
        return True

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Iterator[None]:
        """Keep a test's outcome; a failure in set-up or clean-up is the test's failure."""
        result: Any = yield
        report = result.get_result()
        if report.failed:
            _log.error("%s failed\n%s", item.name, report.longreprtext)
            self.outcomes[item.nodeid] = self._failure(item, call, report)
        elif report.when == "call" or report.skipped:
            self.outcomes[item.nodeid] = Outcome(
                name=item.name, cell=self._cell.id, line=None, outcome=report.outcome, message=""
            )

    def _failure(self, item: Any, call: Any, report: Any) -> Outcome:
        if call.excinfo is None:  # a strict xfail that passed
            error: BaseException = AssertionError(report.longreprtext)
            return failed(item.name, self._cell.id, self._defined(item), error)
        missing = getattr(report.longrepr, "errorstring", None)
        if missing is not None:  # a fixture: the exception itself has no words
            error = LookupError(missing.strip().splitlines()[0])
            return failed(item.name, self._cell.id, self._defined(item), error)
        line, error, told = told_place(self._app, self._cell, call.excinfo.value)
        return failed(item.name, self._cell.id, line or self._defined(item), error, told)

    def _defined(self, item: Any) -> int | None:
        code = getattr(inspect.unwrap(item.obj), "__code__", None)
        if code is None or code.co_filename != self._app.filename(self._cell):
            return None
        return int(code.co_firstlineno)
