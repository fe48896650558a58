"""pandas' timestamps, to the nanosecond: pydantic's own reader of times ends at microseconds."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticKnownError, SchemaValidator, ValidationError, core_schema

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from pydantic import GetCoreSchemaHandler

_LONGER = re.compile(r"[.,]\d{6}(\d{1,3})")
_READ = SchemaValidator(core_schema.datetime_schema()).validate_json


def stamp_of(moment: datetime, nanoseconds: int = 0) -> Any:
    """Return a time as `pandas.Timestamp`; `ValueError` where nanoseconds don't reach it."""
    import pandas as pd  # noqa: PLC0415  (only images that have pandas get here)

    stamp = pd.Timestamp(moment)
    return stamp + pd.Timedelta(nanoseconds, "ns") if nanoseconds else stamp


def whole(make: Callable[..., Any]) -> Any:
    """Return what makes a hint of `datetime` one of stamps: `make` is called as `stamp_of` is."""
    return _Whole(make)


@dataclasses.dataclass(frozen=True, eq=False)
class _Whole:
    """Makes stamps of times, with what pydantic cuts off their text."""

    make: Callable[..., Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        cut = core_schema.no_info_after_validator_function(self.make, handler(source))
        longer = core_schema.no_info_plain_validator_function(self._read)
        # By what is sent: to a validator around pydantic's, JSON's text is Python's, and no time
        either = core_schema.tagged_union_schema({"longer": longer, "": cut}, _length)
        return core_schema.json_or_python_schema(json_schema=either, python_schema=cut)

    def _read(self, text: str) -> Any:
        try:
            moment = _READ(json.dumps(text), strict=True)
        except ValidationError as fault:
            problem: Any = fault.errors(include_url=False)[0]
            raise PydanticKnownError(problem["type"], problem.get("ctx")) from None
        return self.make(moment, int(_LONGER.findall(text)[0].ljust(3, "0")))


def _length(value: Any) -> str:
    return "longer" if isinstance(value, str) and _LONGER.search(value) else ""
