"""Results as files: JSON, CSV and Parquet of the captions, written as they are scored."""

import csv
import json
import math
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from chair_eval.compare import Comparison
from chair_eval.errors import ChairError, UsageError
from chair_eval.result import FRAME, Result, caption_row

LISTS = ("words", "categories", "spans", "indices", "hallucinated", "recalled", "missed")
ROWS_PER_GROUP = 10_000


@contextmanager
def destination(output: Path | None, *, binary: bool = False) -> Iterator[IO[Any]]:
    """Open a temporary file that becomes `output`, or goes to standard output, on success.

    Nothing half-written is left behind when the block fails. A link stays a link, and what is no
    plain file (``/dev/null``, a named pipe) is written to, not replaced.

    Raises
    ------
    UsageError
        `output` is a folder.
    ChairError
        `output` cannot be written.
    """
    if output and output.is_dir():
        raise UsageError(f"output is {str(output)!r}, a folder; name a file in it")
    plain = output is not None and (output.is_file() or not output.exists())
    target = output.resolve() if output and plain else None
    with _temporary(output, target, binary) as file:
        name = Path(file.name)
        try:
            yield file
            file.flush()
            with _writing(output):
                if target:
                    name.chmod(0o666 & ~_umask())
                    name.replace(target)
                elif output:
                    with name.open("rb") as content, output.open("wb") as device:
                        shutil.copyfileobj(content, device)
                else:
                    _to_standard_output(name)
        finally:
            name.unlink(missing_ok=True)


@contextmanager
def _writing(output: Path | None) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ChairError(
            f"cannot write {output or 'standard output'}: {error.strerror or error}; "
            "choose another place with --output"
        ) from error


def _temporary(output: Path | None, target: Path | None, binary: bool) -> Any:
    import tempfile

    mode: dict[str, Any] = {"mode": "w+b"} if binary else {"mode": "w+", "encoding": "utf-8"}
    if not binary:
        mode |= {"newline": "", "errors": "backslashreplace"}
    with _writing(output):
        if target:
            target.parent.mkdir(parents=True, exist_ok=True)
        return tempfile.NamedTemporaryFile(
            dir=target.parent if target else None, prefix=".chair-eval-", delete=False, **mode
        )


def _to_standard_output(name: Path) -> None:
    """Copy a file: UTF-8 to files and pipes, to a terminal as much as it can show."""
    with name.open("rb") as content:
        if sys.stdout.isatty():
            encoding = sys.stdout.encoding
            text = content.read().decode("utf-8").encode(encoding, "replace").decode(encoding)
            sys.stdout.write(text)
        else:
            shutil.copyfileobj(content, sys.stdout.buffer)
        sys.stdout.flush()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def clean(value: Any) -> Any:
    """`value` for JSON: NaN becomes null, tuples lists."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): clean(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(item) for item in value]
    return value


Finish = Callable[[], Result]


def write_json(file: IO[str], rows: Iterator[Any] | None, finish: Finish) -> None:
    """Write one JSON object: the captions as they come (if wanted), then the summary."""
    file.write("{")
    if rows is not None:
        file.write('"captions": [')
        for number, scored in enumerate(rows):
            file.write(",\n" if number else "\n")
            file.write(json.dumps(clean(caption_row(scored)), ensure_ascii=False, default=str))
        file.write("\n],\n")
    result = finish()
    content = {**result.summary, "per_category": result.per_category}
    file.write(json.dumps(clean(content), indent=1, ensure_ascii=False)[1:])
    file.write("\n")


def write_csv(file: IO[str], rows: Iterator[Any], finish: Finish) -> None:
    """Write one line per caption; lists are JSON arrays in their cells."""
    table = csv.DictWriter(file, FRAME, lineterminator="\n")
    table.writeheader()
    for scored in rows:
        row = caption_row(scored)
        for name in LISTS:
            row[name] = json.dumps(row[name], ensure_ascii=False)
        table.writerow(row)
    finish()


def write_parquet(file: IO[bytes], rows: Iterator[Any], finish: Finish) -> None:
    """Write one row per caption; the summary is JSON in the file's metadata (``chair_eval``)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    strings = pa.list_(pa.string())
    kinds = {
        "image_id": pa.string(),
        "caption": pa.string(),
        **dict.fromkeys(("words", "categories", "recalled", "missed"), strings),
        "spans": pa.list_(pa.list_(pa.int32(), 2)),
        "indices": pa.list_(pa.int32()),
        "hallucinated": pa.list_(pa.bool_()),
    }
    schema = pa.schema([(name, kinds.get(name, pa.int32())) for name in FRAME])
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        batch: list[dict[str, Any]] = []
        for scored in rows:
            row = caption_row(scored)
            row |= {"image_id": _valid(str(scored.key)), "caption": _valid(scored.caption)}
            batch.append(row)
            if len(batch) >= ROWS_PER_GROUP:
                writer.write_table(pa.Table.from_pylist(batch, schema))
                batch.clear()
        if batch:
            writer.write_table(pa.Table.from_pylist(batch, schema))
        writer.add_key_value_metadata({"chair_eval": json.dumps(clean(finish().summary))})


def _valid(text: str) -> str:
    """`text` with lone surrogates, which Parquet cannot hold, replaced by question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")


def write_comparison(file: IO[str], comparison: Comparison, kind: str) -> None:
    """Write a comparison as one JSON object, or its differences as CSV."""
    if kind == "json":
        file.write(json.dumps(clean(comparison.summary), indent=1, ensure_ascii=False) + "\n")
        return
    table = csv.DictWriter(file, list(comparison.differences[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(comparison.differences)
