"""The gate's result: what each test cell said inside the built image."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Outcome = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """One test: its name, the cell it stands in, and how it ended.

    `line` counts from 1 within the cell and is None where the test passed.
    """

    __test__ = False  # pytest would take the name for a test class

    name: str
    cell: str
    outcome: Outcome
    message: str = ""
    line: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the form that `deploy --json` and jobs answer."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Verification:
    """All tests of one image."""

    tests: tuple[TestOutcome, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing failed; a notebook without tests passes."""
        return all(test.outcome != "failed" for test in self.tests)
