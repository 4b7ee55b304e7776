"""Text and JSON out of bytes that may be cut, packed or in the wrong encoding."""

import gzip
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from chair_eval.errors import ChairError

BOM = b"\xef\xbb\xbf"
REMEDY = "save the file as UTF-8"


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open `path` for its bytes, through gzip if its name ends in ``.gz``.

    Raises
    ------
    ChairError
        The gzip file is cut or damaged, noticed while the block reads it.
    """
    packed = path.suffix.lower() == ".gz"
    with cast("IO[bytes]", gzip.open(path, "rb")) if packed else path.open("rb") as file:
        try:
            yield file
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ChairError(f"{path} is not a complete gzip file: {error}") from error


def decoded(raw: bytes, source: str, line: int) -> str:
    """Text of bytes that start on line `line` of `source`.

    Raises
    ------
    ChairError
        Not UTF-8, or zero bytes in it; names the line.
    """
    zero = raw.find(b"\0")
    if zero >= 0:
        at = line + raw.count(b"\n", 0, zero)
        raise ChairError(
            f"{source}, line {at}: zero bytes, as in UTF-16 or a half-written file; {REMEDY}"
        )
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        at = line + raw.count(b"\n", 0, error.start)
        byte = error.start - raw.rfind(b"\n", 0, error.start)
        raise ChairError(
            f"{source}, line {at}: not UTF-8 (byte {byte} of the line); {REMEDY}"
        ) from error


def parsed(raw: bytes, source: str, line: int) -> Any:
    """Value of one line of JSON Lines; errors as `decoded`, and for what is not JSON."""
    text = decoded(raw, source, line)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ChairError(
            f"{source}, line {line}: not complete JSON ({error}); "
            "expected one object a line, or a list of objects"
        ) from error
