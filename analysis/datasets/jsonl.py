"""Read JSON and JSON Lines files; every complaint names the file and the line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analysis.errors import UsageError
from analysis.paths import ordinary


def read_jsonl(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield ``("file:line", object)`` for each line; blank lines are skipped.

    A file that holds one JSON list (as some copies of POPE do) is read as its elements.

    Raises
    ------
    UsageError
        If the file cannot be read, is not UTF-8, or a line is no JSON object.
    """
    text = _read_text(path)
    if text.lstrip().startswith("["):
        rows = enumerate(_parse(text, path.name), 1)
        yield from ((f"{path.name}[{n}]", _mapping(row, f"{path.name}[{n}]")) for n, row in rows)
        return
    # Only "\n" ends a line: JSON text may hold U+2028 and other separators unescaped.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            where = f"{path.name}:{number}"
            yield where, _mapping(_parse(line, where), where)


def read_json(path: Path) -> dict[str, Any]:
    """Return the one JSON object in a file; ``UsageError`` when it holds something else."""
    return _mapping(_parse(_read_text(path), path.name), path.name)


def text_of(row: dict[str, Any], keys: tuple[str, ...], where: str) -> str:
    """Return the first present key's value as text.

    Raises
    ------
    UsageError
        If none of the keys is there, or the value is neither text nor a whole number.
    """
    for key in keys:
        if key in row:
            value = row[key]
            if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
                return str(value)
            raise UsageError(f"{where}: {key}={value!r} is not usable; write a non-empty text.")
    raise UsageError(f"{where}: needs the key {' or '.join(keys)}; it has {', '.join(row)}.")


def _read_text(path: Path) -> str:
    if not ordinary(path):
        raise UsageError(f"{path.name} is a pipe or device; give an ordinary file.")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path.name} is not UTF-8 (byte {error.start}); convert it to UTF-8."
        ) from error
    except OSError as error:
        raise UsageError(f"{path.name} cannot be read ({error.strerror}).") from error


def _parse(text: str, where: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where} is not valid JSON ({error}); repair or remove it.") from error


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{where} is not a JSON object; write {{…}} with named keys.")
    return value
