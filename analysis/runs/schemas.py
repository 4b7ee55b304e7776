"""The schemas of every table a run holds, from the package's own ``schemas.csv``.

One line there is one column: unit and meaning travel as field metadata. Tables are what
extraction writes, analyses what `agile analyse` adds to a finished run.
"""

import csv
from importlib.resources import files
from itertools import groupby

import pyarrow as pa

# Since version 2 every shard is sealed; the rows are those of version 1.
SCHEMA_VERSION = 2
READABLE = (1, 2)
# What makes a row of each table unique, and so what resuming compares.
KEYS: dict[str, list[str]] = {
    "images": ["image_id"],
    "kept": ["image_id", "variant"],
    "answers": ["image_id", "variant", "task", "question_id"],
}
_TYPES = {
    "string": pa.string(),
    "bool": pa.bool_(),
    "int": pa.int32(),
    "float": pa.float64(),
    "strings": pa.list_(pa.string()),
    "ints": pa.list_(pa.int32()),
    "floats": pa.list_(pa.float32()),
    "doubles": pa.list_(pa.float64()),
}


def _read() -> dict[str, pa.Schema]:
    """Read all schemas, by table, in the order of the file."""
    lines = files("analysis.runs").joinpath("schemas.csv").read_text(encoding="utf-8")
    columns = groupby(csv.DictReader(lines.splitlines()), key=lambda column: column["table"])
    return {table: pa.schema([_field(column) for column in group]) for table, group in columns}


def _field(column: dict[str, str]) -> pa.Field:
    about = {"meaning": column["meaning"], "unit": column["unit"]}
    return pa.field(column["column"], _TYPES[column["type"]], metadata=about)


_SCHEMAS = _read()
TABLES: dict[str, pa.Schema] = {name: _SCHEMAS[name] for name in KEYS}
ANALYSES: dict[str, pa.Schema] = {name: s for name, s in _SCHEMAS.items() if name not in KEYS}
