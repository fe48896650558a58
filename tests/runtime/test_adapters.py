"""Plain hints are checked as pydantic checks them, and without it."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import TypeAdapter

from nbdeploy_ext.runtime.adapters import ArgumentsAdapter, plain_schema
from nbdeploy_ext.runtime.hints import adapt
from tests.runtime.apps import serve, write_app

if TYPE_CHECKING:
    from pathlib import Path

LIST: Any = list  # mypy knows only literal ones
DICT: Any = dict
PLAIN = st.recursive(
    st.sampled_from([int, float, str, bool, None, Any, object, list, dict, typing.List]),  # noqa: UP006
    lambda inner: st.one_of(
        inner.map(lambda one: LIST[one]),
        st.tuples(inner, inner).map(lambda two: DICT[two]),
        inner.map(lambda one: typing.Optional[one]),  # noqa: UP045
    ),
    max_leaves=4,
)
TABLES = (np.ndarray, NDArray[np.float64], list[NDArray[np.int8]], pd.DataFrame, pd.Series,
          dict[str, pd.DataFrame])  # fmt: skip
OTHERS = (tuple[int, str], set[int], int | str, np.float64, bytes, typing.Literal["a"],
          typing.Annotated[int, "metadata"], list[int | str], type("Own", (), {}))  # fmt: skip


@settings(deadline=None, derandomize=True)
@given(PLAIN)
def test_a_plain_hint_has_pydantics_own_schema(hint: Any) -> None:
    assert plain_schema(hint) == TypeAdapter(hint).core_schema


@pytest.mark.parametrize("hint", TABLES)
def test_arrays_and_frames_have_the_schema_of_the_hint_that_pydantic_reads(hint: Any) -> None:
    assert bare(plain_schema(hint)) == bare(TypeAdapter(adapt(hint)).core_schema)


@pytest.mark.parametrize("hint", OTHERS)
def test_all_else_is_left_to_pydantic(hint: Any) -> None:
    assert plain_schema(hint) is None


@pytest.mark.parametrize("is_open", [True, False])
def test_arguments_have_pydantics_own_schema(is_open: bool) -> None:
    hints = {"amount": float, "country": str, "rows": list[dict[str, Any]]}
    adapter = ArgumentsAdapter(hints, frozenset({"amount", "rows"}), is_open=is_open)
    assert bare(adapter._plain()) == bare(adapter.full.core_schema)


def test_a_service_of_plain_endpoints_imports_neither_pydantic_nor_what_pages_need(
    tmp_path: Path,
) -> None:
    source = (
        "import sys\n"
        "def loaded(names: list[str], limit: float = 1) -> list[str]:\n"
        "    return [name for name in names if name in sys.modules]\n"
    )
    example = {"names": ["pydantic"]}
    folder = write_app(tmp_path, ("a", "production", source), endpoints={"loaded": [example]})
    names = ["pydantic", "starlette", "anyio", "click", "multiprocessing", "prometheus_client"]
    with serve(folder) as running:
        assert running.client.post("/loaded", json={"names": names}).json() == []
        assert running.client.get("/healthz").json() == {"status": "alive"}
        assert running.client.get("/readyz").json() == {"status": "ready"}
        assert running.client.post("/loaded", json={"names": names}).json() == []
        assert running.client.get("/openapi.json").status_code == 200
        assert running.client.post("/loaded", json={"names": names}).json()[:2] == names[:2]


def bare(schema: Any) -> Any:
    """Return a schema without what concerns documents only; readers are told by their names."""
    if isinstance(schema, list):
        return [bare(part) for part in schema]
    if callable(schema):
        return schema.__qualname__
    if not isinstance(schema, dict):
        return schema
    left_out = {"metadata", "json_schema_input_schema", "cls", "computed_fields", "ref"}
    return {name: bare(part) for name, part in schema.items() if name not in left_out}
