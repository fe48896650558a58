"""Arrow streams one behind the other in a file, as one Parquet file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from .parquet_source import import_pyarrow
from .text_cells import spell_or_none

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .parts import Reopen

_ROWS = 2**16
_BYTES = 2**26
"""A row group is written once it has so many."""


def merge_streams(reopen: Reopen, target: BinaryIO, *, empty: Any, names: Sequence[str]) -> None:
    """Read first to find the type that fits each column everywhere, then to write row groups.

    Without a stream the file has the schema `empty`, or columns `names` of text.
    """
    arrow = import_pyarrow()
    schemas = list(dict.fromkeys(table.schema for table in _tables(arrow, reopen)))
    nothing = empty or arrow.schema([(name, arrow.string()) for name in names])
    schema = _common(arrow, schemas) if schemas else nothing
    if any(one != schema for one in schemas):
        schema = _fitting(arrow, _tables(arrow, reopen), schema)
    with arrow.parquet.ParquetWriter(target, schema) as writer:
        for group in _groups(_tables(arrow, reopen)):
            fitted = [_fitted(arrow, table, schema) for table in group]
            writer.write_table(arrow.concat_tables(fitted))


def _tables(arrow: Any, reopen: Reopen) -> Iterator[Any]:
    with reopen() as source:
        while source.peek(1):
            with arrow.ipc.open_stream(source) as stream:
                yield stream.read_all()


def _groups(tables: Iterator[Any]) -> Iterator[list[Any]]:
    group: list[Any] = []
    for table in tables:
        group.append(table)
        if sum(t.num_rows for t in group) >= _ROWS or sum(t.nbytes for t in group) >= _BYTES:
            yield group
            group = []
    if group:
        yield group


def _common(arrow: Any, schemas: Sequence[Any]) -> Any:
    """Return the schema in which all fit; a column that has no common type is text."""
    types: dict[str, Any] = {}
    for schema in schemas:
        for field in schema:
            types[field.name] = _wider(arrow, types.get(field.name, arrow.null()), field.type)
    written = {n: kind if _has_fields(arrow, kind) else arrow.string() for n, kind in types.items()}
    return arrow.schema(list(written.items()), metadata=schemas[0].metadata)


def _has_fields(arrow: Any, kind: Any) -> bool:
    """Whether Parquet has the type: objects that are always empty are none there."""
    if arrow.types.is_struct(kind):
        return len(kind) > 0 and all(_has_fields(arrow, field.type) for field in kind)
    return not arrow.types.is_list(kind) or _has_fields(arrow, kind.value_type)


def _fitting(arrow: Any, tables: Iterator[Any], schema: Any) -> Any:
    """Return the schema with text for columns of which a value is not exact in the common type.

    Large whole numbers beside fractions are such.
    """
    for table in tables:
        for place, field in enumerate(schema):
            if field.name in table.column_names and field.type != arrow.string():
                try:
                    table[field.name].cast(field.type)
                except arrow.ArrowException:
                    schema = schema.set(place, arrow.field(field.name, arrow.string()))
    return schema


def _wider(arrow: Any, one: Any, other: Any) -> Any:
    if one == other or other == arrow.null():
        return one
    schemas = [arrow.schema([("column", kind)]) for kind in (one, other)]
    try:
        return arrow.unify_schemas(schemas, promote_options="permissive").field("column").type
    except (arrow.ArrowInvalid, arrow.ArrowTypeError):
        return arrow.string()


def _fitted(arrow: Any, table: Any, schema: Any) -> Any:
    columns = []
    for field in schema:
        if field.name not in table.column_names:
            columns.append(arrow.nulls(table.num_rows, field.type))
            continue
        column = table[field.name]
        if field.type == arrow.string() and column.type not in {arrow.string(), arrow.null()}:
            columns.append(arrow.array(map(spell_or_none, column.to_pylist()), field.type))
        else:
            columns.append(column.cast(field.type))
    return arrow.table(columns, schema=schema)
