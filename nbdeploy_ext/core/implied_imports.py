"""Packages that code needs without importing them: optional parts of what it does import."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_BY_CALL: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("read_parquet", "to_parquet", "read_feather", "to_feather", "read_orc", "to_orc"),
        ("pyarrow", "fastparquet"),
    ),
    **dict.fromkeys(("read_excel", "to_excel", "ExcelFile", "ExcelWriter"), ("openpyxl",)),
    **dict.fromkeys(("read_hdf", "to_hdf", "HDFStore"), ("tables",)),
    **dict.fromkeys(
        ("read_sql", "read_sql_query", "read_sql_table", "to_sql", "read_database"), ("sqlalchemy",)
    ),
    **dict.fromkeys(("open_dataset", "to_netcdf"), ("netCDF4", "h5netcdf")),
    **dict.fromkeys(("open_zarr", "to_zarr"), ("zarr",)),
    **dict.fromkeys(("write_image", "to_image"), ("kaleido",)),
    # Their classes with scikit-learn's interface are an extra of these distributions
    **dict.fromkeys(
        ("XGBClassifier", "XGBRegressor", "XGBRanker", "LGBMClassifier", "LGBMRegressor",
         "LGBMRanker"), ("sklearn",),
    ),
    "read_html": ("lxml", "bs4", "html5lib"),
    "read_xml": ("lxml",),
    "read_spss": ("pyreadstat",),
    "to_markdown": ("tabulate",),
    "to_latex": ("jinja2",),
    "to_xarray": ("xarray",),
    "to_pandas": ("pandas", "pyarrow"),
    "plot": ("matplotlib",),
    "pagerank": ("scipy",),
    "EmailStr": ("email_validator",),
}  # fmt: skip
_BY_MODULE: Mapping[str, tuple[str, ...]] = {
    "fastapi.testclient": ("httpx",),
    "starlette.testclient": ("httpx",),
    "sqlalchemy.ext.asyncio": ("greenlet",),
    "dask.dataframe": ("pandas", "pyarrow"),
    "dask.array": ("numpy",),
    "dask.distributed": ("distributed",),
    "pandas.plotting": ("matplotlib",),
    "transformers": ("torch",),
}
_BY_ENGINE: Mapping[str, str] = {
    "calamine": "python_calamine",
    "odf": "odf",
    "netcdf4": "netCDF4",
}
_BY_SCHEME: Mapping[str, str] = {
    "s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "abfss": "adlfs",
    "az": "adlfs", "sftp": "paramiko", "hdfs": "pyarrow",
}  # fmt: skip
_BY_DATABASE: Mapping[str, str] = {
    "postgresql": "psycopg2", "mysql": "MySQLdb", "oracle": "cx_Oracle", "mssql": "pyodbc",
    "duckdb": "duckdb_engine", "snowflake": "snowflake.sqlalchemy", "bigquery":
    "sqlalchemy_bigquery", "redshift": "sqlalchemy_redshift",
}  # fmt: skip
_DATABASE_CALLS = frozenset({"create_engine", "create_async_engine", "read_sql", "to_sql"})
_IMPORT_CALLS = frozenset({"import_module", "__import__"})


def implied_by_calls(calls: Sequence[tuple[str, ast.Call]]) -> Iterator[tuple[str, ast.Call]]:
    """Yield each module that a call needs where it is installed, with the call."""
    for called, call in calls:
        name = called.rpartition(".")[2]
        text = _literal(call.args[0]) if call.args else ""
        is_model = called == "spacy.load"
        if is_model or (name in _IMPORT_CALLS and text[:1] != "."):
            yield text, call
        elif name in _BY_CALL or name.startswith(("read_", "to_")) or name in _DATABASE_CALLS:
            for module in _of_call(name, text, call):
                yield module, call


def implied_by_import(name: str, members: Sequence[str]) -> Iterator[str]:
    """Yield the modules that an import needs where they are installed."""
    yield from _BY_MODULE.get(name, ())
    for member in members:
        yield from _BY_MODULE.get(f"{name}.{member}", ())
        yield from _BY_CALL.get(member, ()) if member[:1].isupper() else ()


def _of_call(name: str, text: str, call: ast.Call) -> Iterator[str]:
    engine = next((_literal(k.value) for k in call.keywords if k.arg == "engine"), "")
    if engine:
        yield _BY_ENGINE.get(engine, engine)
    else:
        yield from _BY_CALL.get(name, ())
    scheme, found, _ = text.partition("://")
    if found and name in _DATABASE_CALLS:
        kind, _, driver = scheme.partition("+")
        yield driver or _BY_DATABASE.get(kind, "")
    elif found and scheme in _BY_SCHEME:
        yield "fsspec"
        yield _BY_SCHEME[scheme]


def _literal(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr) and node.values:
        return _literal(node.values[0])
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
