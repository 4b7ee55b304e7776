"""Captions from files: JSON, JSON Lines, CSV, Parquet, a run folder, standard input.

Everything but a JSON list is read as a stream. Rules: blank lines are skipped; an empty caption
counts as a caption; anything else that is not an image id and a string stops with file and line.
"""

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import IO, Any, Protocol

from chair_eval.errors import ChairError, UsageError
from chair_eval.ground_truth import GroundTruth
from chair_eval.json_lines import BOM, decoded, opened, parsed
from chair_eval.records import Record

LINES = (".json", ".jsonl", ".json.gz", ".jsonl.gz")
SUFFIXES = (*LINES, ".csv", ".parquet")
LONGEST_FIELD = 2**27  # characters in a field of a CSV file; Python's own limit is 131,072
KEYS_SHOWN = 8
MISSING = object()


@dataclass(frozen=True)
class Keys:
    """Names of the two fields a caption is read from."""

    image_id: str = "image_id"
    caption: str = "caption"


class Reader(Protocol):
    """What a package provides under ``chair_eval.readers`` for folders of its own kind."""

    def is_run(self, path: Path) -> bool:
        """Whether it can read this folder."""
        ...

    def variants(self, path: Path) -> list[str]:
        """Return the names of what has captions in it."""
        ...

    def records(self, path: Path, variant: str | None = None) -> Iterator[Record]:
        """Yield the captions of one variant, which may be left out where there is only one."""
        ...

    def ground_truth(self, path: Path) -> GroundTruth:
        """Return the categories of its images."""
        ...


def reader_of(source: str | Path) -> Reader | None:
    """Return what reads a folder, of all that are installed; None for files and ``-``."""
    path = Path(source)
    if str(source) == "-" or not path.is_dir():
        return None
    readers: Iterator[Reader] = (point.load() for point in entry_points(group="chair_eval.readers"))
    return next((reader for reader in readers if reader.is_run(path)), None)


def read_captions(
    source: str | Path, keys: Keys | None = None, variant: str | None = None
) -> Iterator[Record]:
    """Yield the captions of a file, a run folder, or standard input (``-``).

    Parameters
    ----------
    source : path or "-"
        Standard input is JSON Lines or a JSON list. A run folder has ``answers-*.parquet``.
    keys : Keys, optional
        Field names, default ``image_id`` and ``caption``; a run folder has its own.
    variant : str, optional
        Which variant of a run folder.

    Raises
    ------
    ChairError
        Missing, empty or damaged file; the message has file and line.
    UsageError
        Unknown kind of file.
    """
    keys = keys or Keys()
    if str(source) == "-":
        return _not_empty(_from_bytes(sys.stdin.buffer, "standard input", keys), "standard input")
    path = Path(source)
    if reader := reader_of(source):
        return _not_empty(reader.records(path, variant), str(path))
    if path.is_dir():
        raise ChairError(f"{path} is not a run folder: it has no answers-*.parquet")
    if not path.is_file():
        raise ChairError(f"no such file: {path}")
    return _not_empty(_from_file(path, keys), str(path))


def _from_file(path: Path, keys: Keys) -> Iterator[Record]:
    name = path.name.lower()
    if name.endswith(LINES):
        with opened(path) as file:
            yield from _from_bytes(file, str(path), keys)
    elif name.endswith(".csv"):
        yield from _from_csv(path, keys)
    elif name.endswith(".parquet"):
        yield from _from_parquet(path, keys)
    else:
        raise UsageError(f"{path}: unknown kind of file; accepted: {', '.join(SUFFIXES)}, -")


def _not_empty(records: Iterator[Record], source: str) -> Iterator[Record]:
    any_record = False
    for record in records:
        any_record = True
        yield record
    if not any_record:
        raise ChairError(f"{source} has no caption in it")


def _from_bytes(file: IO[bytes], source: str, keys: Keys) -> Iterator[Record]:
    """JSON Lines, or a JSON list if the first character that is not blank is ``[``."""
    started = False
    for number, line in enumerate(file, start=1):
        raw = line.removeprefix(BOM) if number == 1 else line
        if not raw.strip():
            continue
        if not started and raw.lstrip().startswith(b"["):
            yield from _from_list(raw + file.read(), source, number, keys)
            return
        started = True
        yield record_from(parsed(raw, source, number), f"{source}, line {number}", keys)


def _from_list(content: bytes, source: str, first: int, keys: Keys) -> Iterator[Record]:
    text = decoded(content, source, first)
    try:
        items = json.loads(text)
    except json.JSONDecodeError as error:
        line = first + error.lineno - 1
        raise ChairError(f"{source}, line {line}: not complete JSON ({error.msg})") from error
    except (ValueError, RecursionError) as error:
        raise ChairError(f"{source}: not a JSON list ({error})") from error
    for number, item in enumerate(items, start=1):
        yield record_from(item, f"{source}, entry {number}", keys)


def record_from(item: Any, where: str, keys: Keys) -> Record:
    """Record of one parsed entry; a ChairError names what is missing or of the wrong type."""
    if not isinstance(item, Mapping):
        raise ChairError(f"{where}: expected an object, found {type(item).__name__}")
    image_id = item.get(keys.image_id, MISSING)
    caption = item.get(keys.caption, MISSING)
    if image_id is MISSING or caption is MISSING:
        missing = keys.image_id if image_id is MISSING else keys.caption
        option = "--image-id-key" if image_id is MISSING else "--caption-key"
        raise ChairError(
            f"{where}: no key {missing!r} (there are: {_some(map(str, item))}); "
            f"name the right one with {option}"
        )
    if not isinstance(caption, str):
        raise ChairError(f"{where}: the caption is {type(caption).__name__}, expected a string")
    return Record(image_id, caption, where)


def _some(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:KEYS_SHOWN]) + (", …" if len(names) > KEYS_SHOWN else "")


def _from_csv(path: Path, keys: Keys) -> Iterator[Record]:
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_FIELD))
    with path.open("rb") as file:
        reader = csv.DictReader(_decoded(file, str(path)), strict=True)
        try:
            for row in reader:
                where = f"{path}, line {reader.line_num}"
                if None in row:
                    raise ChairError(f"{where}: more fields than the header has")
                present = {name: value for name, value in row.items() if value is not None}
                yield record_from(present, where, keys)
        except csv.Error as error:
            begun = reader.line_num + 1
            raise ChairError(f"{path}, row that begins on line {begun}: {error}") from error


def _decoded(file: Iterable[bytes], source: str) -> Iterator[str]:
    """Lines as text; a lone carriage return ends one too, as in files of old spreadsheets."""
    for number, raw in enumerate(file, start=1):
        rest = raw.removeprefix(BOM) if number == 1 else raw
        for line in rest.splitlines(keepends=True):  # of bytes: at \r, \n and both, nowhere else
            yield decoded(line, source, number)


def _from_parquet(path: Path, keys: Keys) -> Iterator[Record]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            wanted = [keys.image_id, keys.caption]
            names = file.schema_arrow.names
            for name, option in zip(wanted, ("--image-id-key", "--caption-key"), strict=True):
                if name not in names:
                    raise ChairError(
                        f"{path}: no column {name!r} (there are: {_some(names)}); "
                        f"name the right one with {option}"
                    )
            row = 0
            for batch in file.iter_batches(batch_size=4096, columns=wanted, use_threads=False):
                for item in batch.to_pylist():
                    row += 1
                    yield record_from(item, f"{path}, row {row}", keys)
    except (pa.ArrowInvalid, OSError, io.UnsupportedOperation) as error:
        raise ChairError(f"{path} is not a complete Parquet file: {error}") from error
