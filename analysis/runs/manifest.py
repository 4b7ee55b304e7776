"""``run.json``: how it is read, and what must not change while a run is being made."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analysis.errors import AgileError, UsageError
from analysis.runs.schemas import SCHEMA_VERSION

# Of the provenance block: part, key, what messages call it.
_ORIGIN = {
    "data": {
        "n": "images",
        "ids_sha256": "list of images",
        "revision": "content of the data set",
    },
    "model": {
        "revision": "revision of the model",
        "fingerprint": "content of the checkpoint",
        "dtype": "dtype",
    },
}


def read_manifest(file: Path) -> dict[str, Any]:
    """Read a run's manifest.

    Raises
    ------
    UsageError
        When there is none, with the command that makes one.
    AgileError
        When it is damaged, or of a version this code does not read.
    """
    if not file.is_file():
        raise UsageError(
            f"{file.parent} holds no run.json; make a run with: "
            f"agile extract --model data/pocket --data scenes --out {file.parent}."
        )
    try:
        manifest: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise AgileError(
            f"{file} is not valid JSON; remove the folder and extract again."
        ) from error
    if manifest.get("schema_version") != SCHEMA_VERSION:
        raise AgileError(
            f"{file} has schema version {manifest.get('schema_version')}, this code reads "
            f"{SCHEMA_VERSION}; extract again into a new folder."
        )
    return manifest


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Describe how two configurations differ, one entry a key; none when they agree."""
    missing = object()
    return [
        f"{key}: {old.get(key)!r} there, {new.get(key)!r} now"
        for key in sorted({*old, *new})
        if old.get(key, missing) != new.get(key, missing)
    ]


def origin_differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Describe how data and model of two provenance blocks differ.

    Parts and keys that either side lacks are not compared.
    """
    return [
        f"{what}: {old[part][key]} there, {new[part][key]} now"
        for part, keys in _ORIGIN.items()
        for key, what in keys.items()
        if key in old.get(part, {}) and key in new.get(part, {})
        if old[part][key] != new[part][key]
    ]
