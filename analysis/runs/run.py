"""A run: the folder one extraction writes, and the tables read back from it."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from analysis.errors import AgileError, UsageError
from analysis.files import write_atomically
from analysis.runs.integrity import fault, silent_variants
from analysis.runs.manifest import differences, origin_differences, read_manifest, run_id
from analysis.runs.schemas import ANALYSES, SCHEMA_VERSION, TABLES
from analysis.runs.seal import read_note
from analysis.runs.shards import read_shards, shard_name, write_shard

_MANIFEST = "run.json"
# Shards a piece of a run has, which bounds the memory of whoever reads it piece by piece.
_PIECE = 64


class Run:
    """A run folder, or a few shards of one.

    Parameters
    ----------
    path
        The folder.
    manifest
        Content of its ``run.json``.
    shards
        Those to read; None reads all.
    """

    def __init__(
        self, path: Path, manifest: dict[str, Any], shards: Sequence[int] | None = None
    ) -> None:
        self.path = path
        self.manifest = manifest
        self._shards = shards
        self._id = run_id(manifest)

    @classmethod
    def open(cls, path: str | Path) -> "Run":
        """Open an existing run.

        Raises
        ------
        UsageError
            When the folder is no run, with the command that makes one.
        AgileError
            When its ``run.json`` is damaged or of another version.
        """
        folder = Path(path)
        return cls(folder, read_manifest(folder / _MANIFEST))

    @classmethod
    def create(cls, path: Path, manifest: dict[str, Any]) -> "Run":
        """Create the run, or join one of the same configuration.

        Two workers may start at once: the first to link ``run.json`` wins, the other
        compares.

        Raises
        ------
        UsageError
            When the folder holds a run of another configuration; names the differences.
        """
        manifest = {"schema_version": SCHEMA_VERSION, **manifest}
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise AgileError(
                f"{path} cannot be made ({error.strerror}); choose another --out."
            ) from error
        if write_atomically(
            path / _MANIFEST, lambda file: file.write_text(text, encoding="utf-8"), claim=True
        ):
            return cls(path, manifest)
        existing = cls.open(path)
        existing.check("config", manifest["config"])
        existing.check_origin(manifest["provenance"])
        return existing

    @staticmethod
    def is_at(path: Path) -> bool:
        """Whether a folder holds a run."""
        return (path / _MANIFEST).is_file()

    def check(self, part: str, config: Mapping[str, Any]) -> None:
        """Compare a configuration with the one this run was made with.

        Parameters
        ----------
        part
            ``config`` (merged) or ``config_passed`` (as asked for).
        config
            The one of now.

        Raises
        ------
        UsageError
            Naming every difference.
        """
        changed = differences(self.manifest[part], config)
        if changed:
            raise UsageError(
                f"{self.path} holds a run of another configuration ({'; '.join(changed)}); "
                "choose another --out or remove the folder."
            )

    def check_origin(self, block: Mapping[str, Any]) -> None:
        """Compare what a provenance block says of data and model with this run's.

        Parameters
        ----------
        block
            Made now; parts and keys that either side lacks are not compared.

        Raises
        ------
        UsageError
            When images, annotations, weights or their type have changed since.
        """
        changed = origin_differences(self.manifest.get("provenance", {}), block)
        if changed:
            raise UsageError(
                f"{self.path} was begun with other data or another model ({'; '.join(changed)}); "
                "its rows would not belong together: bring those back, or choose another --out."
            )

    @property
    def config(self) -> dict[str, Any]:
        """Merged configuration."""
        config: dict[str, Any] = self.manifest["config"]
        return config

    @property
    def n_shards(self) -> int:
        """Number of shards a complete run has."""
        return int(self.manifest["n_shards"])

    @property
    def finished(self) -> list[int]:
        """Shards of which all tables are there and sound; a piece of a run was looked at before."""
        if self._shards is not None:
            return list(self._shards)
        sound = set(os.listdir(self.path)) - self.damaged.keys()
        shards = range(self.n_shards)
        return [i for i in shards if all(shard_name(table, i) in sound for table in TABLES)]

    @property
    def damaged(self) -> dict[str, str]:
        """Shards of this run's tables and analyses that are not to be used, and why."""
        found = {file.name: self._fault(file) for file in self.path.glob("[a-z]*.parquet")}
        return {name: reason for name, reason in sorted(found.items()) if reason}

    def _fault(self, file: Path) -> str:
        return fault(file, self._id, self.manifest["schema_version"] == 1)

    @property
    def missing(self) -> list[int]:
        """Shards still to be made."""
        return sorted(set(range(self.n_shards)) - set(self.finished))

    @property
    def files(self) -> list[Path]:
        """Everything this run consists of: the manifest, shards, and shards of analyses."""
        return sorted([self.path / _MANIFEST, *self.path.glob("*.parquet")])

    def write_shard(self, index: int, rows: Mapping[str, list[dict[str, Any]]]) -> None:
        """Write all tables of one shard, each atomically; what was there is removed before.

        Parameters
        ----------
        index
            Which shard.
        rows
            Table name → records that fit its schema.
        """
        ids = [row["image_id"] for row in rows.get("images", [])]
        for table in TABLES:  # so that no table of an earlier attempt stands beside a new one
            (self.path / shard_name(table, index)).unlink(missing_ok=True)
        for table, schema in TABLES.items():
            note = self._seal(table, index) | {"image_ids": ids}
            write_shard(self.path / shard_name(table, index), rows.get(table, []), schema, note)

    def append_session(self, line: Mapping[str, Any]) -> None:
        """Note one call in ``sessions.jsonl``; many workers may do so at once.

        Raises
        ------
        OSError
            When it cannot be written; no row depends on it.
        """
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        with os.fdopen(os.open(self.path / "sessions.jsonl", flags, 0o666), "a") as file:
            file.write(json.dumps(line) + "\n")

    def table(
        self,
        name: str,
        columns: Iterable[str] | None = None,
        where: Mapping[str, Any] | None = None,
    ) -> pa.Table:
        """Read one table of all finished shards, in shard order, without answers of `silent`.

        Parameters
        ----------
        name
            ``images``, ``kept`` or ``answers``.
        columns
            Those to read, all by default.
        where
            Column → the value a row must have, or a list of values it may have.

        Raises
        ------
        UsageError
            For an unknown table.
        AgileError
            For a damaged shard.
        """
        if name not in TABLES:
            raise UsageError(f"unknown table {name!r}; choose one of: {', '.join(TABLES)}.")
        silent = self.silent if name == "answers" else frozenset()
        return self._read(name, columns, where, silent)

    def _read(
        self,
        name: str,
        columns: Iterable[str] | None = None,
        where: Mapping[str, Any] | None = None,
        silent: Iterable[str] = (),
    ) -> pa.Table:
        files = [self.path / shard_name(name, index) for index in self.finished]
        return read_shards(files, TABLES[name], columns, where, {"variant": sorted(silent)})

    @cached_property
    def silent(self) -> frozenset[str]:
        """Variants whose every answer is empty, which is no answer: those rows are left out."""
        parts = (part._read("answers", ["variant", "answer"]) for part in self._parts())
        return silent_variants(parts)

    def pieces(self, shards: int = _PIECE) -> Iterator["Run"]:
        """Yield the finished part a few shards at a time, each piece readable as a run."""
        for piece in self._parts(shards):
            piece.silent = self.silent  # of the whole, not of the piece
            yield piece

    def _parts(self, shards: int = _PIECE) -> Iterator["Run"]:
        done = self.finished
        for start in range(0, len(done), shards):
            yield Run(self.path, self.manifest, done[start : start + shards])

    @cached_property
    def images(self) -> pd.DataFrame:
        """One row an image."""
        return self.table("images").to_pandas()

    @cached_property
    def kept(self) -> pd.DataFrame:
        """One row an image and variant: what was kept."""
        return self.table("kept").to_pandas()

    @cached_property
    def answers(self) -> pd.DataFrame:
        """One row an image, variant and question."""
        return self.table("answers").to_pandas()

    def analysis(self, name: str) -> pd.DataFrame:
        """Read all rows of an analysis; none where it was not made."""
        files = sorted(self.path.glob(f"analysis-{name}-*.parquet"))
        sound = [file for file in files if not self._fault(file)]
        return read_shards(sound, ANALYSES[name]).to_pandas()

    def analysis_note(self, name: str, index: int) -> dict[str, Any]:
        """Return what a sound shard of an analysis was made with; empty where there is none."""
        file = self._analysis_file(name, index)
        return {} if not file.is_file() or self._fault(file) else read_note(file)

    def write_analysis(
        self, name: str, index: int, rows: Sequence[dict[str, Any]], note: Mapping[str, Any]
    ) -> None:
        """Write one shard of an analysis, atomically, with what it was made with."""
        sealed = self._seal(f"analysis-{name}", index) | dict(note)
        write_shard(self._analysis_file(name, index), rows, ANALYSES[name], sealed)

    def _seal(self, table: str, index: int) -> dict[str, Any]:
        """Return what says where a shard belongs."""
        return {"run": self._id, "table": table, "shard": index}

    def _analysis_file(self, name: str, index: int) -> Path:
        return self.path / shard_name(f"analysis-{name}", index)
