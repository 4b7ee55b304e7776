"""The one room that knows a run: schemas, shards, manifest, tables, resume; no torch."""

from analysis.runs.run import Run
from analysis.runs.schemas import ANALYSES, KEYS, SCHEMA_VERSION, TABLES

__all__ = ["ANALYSES", "KEYS", "SCHEMA_VERSION", "TABLES", "Run"]
