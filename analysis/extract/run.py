"""A run: the folder one extraction writes, and the frames read back from it."""

import errno
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.errors import AgileError, UsageError
from analysis.extract.config import differences
from analysis.records import SCHEMA_VERSION, TABLES

# What must not change between the calls that make one run: part of the provenance block,
# key, what messages call it.
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


def shard_name(table: str, index: int) -> str:
    """File name of one shard, such as ``kept-00003.parquet``."""
    return f"{table}-{index:05d}.parquet"


def write_atomically(path: Path, write: Any) -> None:
    """Let ``write(temporary_path)`` make a file, flush it, and give it its final name.

    Raises
    ------
    AgileError
        When the disk is full; the half-written file is removed.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise AgileError(
                f"no space left for {path}; free some and run the same command again, "
                "finished shards are kept."
            ) from error
        raise AgileError(f"{path} cannot be written ({error.strerror or error}).") from error


def _claim(temporary: Path, file: Path) -> bool:
    """Give a file its final name unless it is taken; tell whether it was not."""
    try:
        os.link(temporary, file)
    except FileExistsError:
        return False
    except OSError:
        # No hard links here (exFAT, some network drives): not safe against a second worker
        # that starts in the same instant, who would write the very same.
        if file.exists():
            return False
        temporary.replace(file)
    return True


class Run:
    """A run folder.

    Parameters
    ----------
    path
        The folder.
    manifest
        Content of its ``run.json``.
    """

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self.path = path
        self.manifest = manifest

    @classmethod
    def open(cls, path: str | Path) -> "Run":
        """Open an existing run.

        Raises
        ------
        UsageError
            When the folder is no run, with the command that makes one.
        """
        folder = Path(path)
        file = folder / "run.json"
        if not file.is_file():
            raise UsageError(
                f"{folder} holds no run.json; make a run with: agile extract --out {folder} …"
            )
        try:
            manifest = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise AgileError(
                f"{file} is not valid JSON; remove the folder and extract again."
            ) from error
        if manifest.get("schema_version") != SCHEMA_VERSION:
            raise AgileError(
                f"{file} has schema version {manifest.get('schema_version')}, this code reads "
                f"{SCHEMA_VERSION}; extract again into a new folder."
            )
        return cls(folder, manifest)

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
        file = path / "run.json"
        temporary = path / f".run.json.{os.getpid()}.tmp"
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
        try:
            path.mkdir(parents=True, exist_ok=True)
            temporary.write_text(text, encoding="utf-8")
            made = _claim(temporary, file)
        except OSError as error:
            raise AgileError(
                f"{file} cannot be written ({error.strerror}); choose another --out."
            ) from error
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        if made:
            return cls(path, manifest)
        existing = cls.open(path)
        existing.check(manifest["config"])
        existing.check_origin(manifest["provenance"])
        return existing

    def check(self, config: Mapping[str, Any]) -> None:
        """Compare a merged configuration with the one this run was made with.

        Raises
        ------
        UsageError
            Naming every difference.
        """
        changed = differences(dict(self.config), dict(config))
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
        old = self.manifest.get("provenance", {})
        changed = [
            f"{what}: {old[part][key]} there, {block[part][key]} now"
            for part, keys in _ORIGIN.items()
            for key, what in keys.items()
            if key in old.get(part, {}) and key in block.get(part, {})
            if old[part][key] != block[part][key]
        ]
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

    def has_shard(self, index: int) -> bool:
        """Whether all tables of a shard have their final names."""
        return all((self.path / shard_name(table, index)).is_file() for table in TABLES)

    @property
    def missing(self) -> list[int]:
        """Shards still to be made."""
        return [i for i in range(self.n_shards) if not self.has_shard(i)]

    def write_shard(self, index: int, rows: Mapping[str, list[dict[str, Any]]]) -> None:
        """Write all tables of one shard, each atomically.

        Parameters
        ----------
        index
            Which shard.
        rows
            Table name → records that fit its schema.
        """
        for table, schema in TABLES.items():
            data = pa.Table.from_pylist(list(rows.get(table, [])), schema=schema)

            def write(path: Path, data: pa.Table = data) -> None:
                pq.write_table(data, path, compression="zstd")

            write_atomically(self.path / shard_name(table, index), write)

    def table(self, name: str) -> pa.Table:
        """Read one table of all finished shards, in shard order.

        Raises
        ------
        UsageError
            For an unknown table.
        """
        if name not in TABLES:
            raise UsageError(f"unknown table {name!r}; choose one of: {', '.join(TABLES)}.")
        done = [i for i in range(self.n_shards) if self.has_shard(i)]
        parts = [pq.read_table(self.path / shard_name(name, i)) for i in done]
        if not parts:
            return TABLES[name].empty_table()
        return pa.concat_tables(parts).cast(TABLES[name])

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
