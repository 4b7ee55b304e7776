"""``run.json``: how it is read, and what must not change while a run is being made."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analysis.errors import AgileError, UsageError
from analysis.runs.schemas import READABLE, SCHEMA_VERSION

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
# Types of what a manifest holds; a shard is a number of five digits.
_SHAPE: dict[str, type] = {
    "config": dict,
    "config_passed": dict,
    "provenance": dict,
    "variants": list,
    "n_shards": int,
}
_KINDS = {dict: "mapping", list: "list", int: "whole number"}
_MOST_SHARDS = 10_000_000
# How content was pinned by versions that looked at less of it; not comparable with today's.
_OLDER = (
    "names-and-sizes-sha256:",
    "sha256-of-ends:",
    "local files ",
    "val2014; annotations: local files ",
)


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
    except (OSError, ValueError, RecursionError) as error:
        raise AgileError(
            f"{file} is not valid JSON; remove the folder and extract again."
        ) from error
    version = manifest.get("schema_version") if isinstance(manifest, dict) else None
    if version not in READABLE:
        raise AgileError(
            f"{file} has schema version {version!r}, this code reads up to "
            f"{SCHEMA_VERSION}; extract again into a new folder."
        )
    for key, kind in _SHAPE.items():
        if not isinstance(manifest.get(key, kind()), kind):
            raise AgileError(
                f"{file} is damaged: {key} is no {_KINDS[kind]}; bring back its backup, or "
                "extract again into a new folder."
            )
    if not 0 <= manifest.get("n_shards", -1) <= _MOST_SHARDS or "config" not in manifest:
        raise AgileError(
            f"{file} is damaged: it lacks config or a sensible n_shards; bring back its backup, "
            "or extract again into a new folder."
        )
    return manifest


def run_id(manifest: Mapping[str, Any]) -> str:
    """Return what every shard of a run carries: a hash of what decides its rows.

    Two runs of equal configuration, data and model have the same, as they have the same rows.
    """
    provenance = manifest.get("provenance", {})
    facts = [manifest.get(key) for key in ("config", "n_shards", "variants")]
    origin = [provenance.get(part, {}).get(key) for part, keys in _ORIGIN.items() for key in keys]
    text = json.dumps([facts, origin], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


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
        if old[part][key] != new[part][key] and not str(old[part][key]).startswith(_OLDER)
    ]
