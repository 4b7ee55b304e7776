"""Results as files: every format, captions written as they are scored."""

import csv
import json
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any

from chair_eval.compare import Comparison, comparison_table
from chair_eval.errors import ChairError, UsageError
from chair_eval.page import html_page, kept
from chair_eval.result import Result
from chair_eval.tables import latex_table, terminal_table
from chair_eval.tally import FRAME, CaptionScore

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


# Puts the result together once every row has been taken; keeps the captions it is given.
Finish = Callable[..., Result]


def drain(rows: Iterable[object]) -> None:
    """Score what is streamed without keeping it."""
    for _ in rows:
        pass


def write_json(
    file: IO[str],
    rows: Iterator[CaptionScore] | None,
    finish: Finish,
    name: str = "",  # noqa: ARG001
) -> None:
    """Write one JSON object: the captions as they come (if wanted), then the summary."""
    file.write("{")
    if rows is not None:
        file.write('"captions": [')
        for number, scored in enumerate(rows):
            file.write(",\n" if number else "\n")
            file.write(json.dumps(clean(scored.row()), ensure_ascii=False, default=str))
        file.write("\n],\n")
    result = finish()
    content = {**result.summary, "per_category": result.per_category}
    file.write(json.dumps(clean(content), indent=1, ensure_ascii=False)[1:])
    file.write("\n")


def write_csv(file: IO[str], rows: Iterator[CaptionScore], finish: Finish, _name: str) -> None:
    """Write one line per caption; lists are JSON arrays in their cells."""
    table = csv.DictWriter(file, FRAME, lineterminator="\n")
    table.writeheader()
    for scored in rows:
        row = scored.row()
        row |= {name: json.dumps(row[name], ensure_ascii=False) for name in LISTS}
        table.writerow(row)
    finish()


def write_parquet(file: IO[bytes], rows: Iterator[CaptionScore], finish: Finish, _: str) -> None:
    """Write one row per caption; the summary is JSON in the file's metadata (``chair_eval``)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    strings = pa.list_(pa.string())
    kinds = {
        **dict.fromkeys(("image_id", "caption"), pa.string()),
        **dict.fromkeys(("words", "categories", "recalled", "missed"), strings),
        "spans": pa.list_(pa.list_(pa.int32(), 2)),
        "indices": pa.list_(pa.int32()),
        "hallucinated": pa.list_(pa.bool_()),
    }
    schema = pa.schema([(name, kinds.get(name, pa.int32())) for name in FRAME])
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        while batch := list(islice(rows, ROWS_PER_GROUP)):
            plain = [
                scored.row()
                | {"image_id": _valid(str(scored.key)), "caption": _valid(scored.caption)}
                for scored in batch
            ]
            writer.write_table(pa.Table.from_pylist(plain, schema))
        writer.add_key_value_metadata({"chair_eval": json.dumps(clean(finish().summary))})


def _valid(text: str) -> str:
    """`text` with lone surrogates, which Parquet cannot hold, replaced by question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")


def write_table(file: IO[str], rows: Iterator[CaptionScore], finish: Finish, _name: str) -> None:
    """Write the table for the terminal."""
    drain(rows)
    file.write(terminal_table(finish()) + "\n")


def write_latex(file: IO[str], rows: Iterator[CaptionScore], finish: Finish, name: str) -> None:
    """Write a LaTeX table of one row."""
    drain(rows)
    file.write(latex_table({name: finish()}) + "\n")


def write_html(file: IO[str], rows: Iterator[CaptionScore], finish: Finish, _name: str) -> None:
    """Write the page with the captions marked."""
    file.write(html_page(finish(kept(rows))))


WRITERS: dict[str, Callable[[IO[Any], Iterator[CaptionScore], Finish, str], None]] = {
    "table": write_table,
    "json": write_json,
    "csv": write_csv,
    "parquet": write_parquet,
    "latex": write_latex,
    "html": write_html,
}


def write_comparison(file: IO[str], comparison: Comparison, kind: str) -> None:
    """Write a comparison as a table, for LaTeX, as one JSON object, or its differences as CSV."""
    if kind == "table":
        file.write(comparison_table(comparison) + "\n")
    elif kind == "latex":
        file.write(latex_table(comparison.results) + "\n")
    elif kind == "json":
        file.write(json.dumps(clean(comparison.summary), indent=1, ensure_ascii=False) + "\n")
    else:
        table = csv.DictWriter(file, list(comparison.differences[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(comparison.differences)
