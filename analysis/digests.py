"""What files hold, as one hash: every byte read once, then known by size, times and inode."""

import hashlib
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from analysis.errors import AgileError
from analysis.files import write_text


def content_digest(root: Path, files: Iterable[Path]) -> str:
    """Return a hash of the names and bytes of files; a file that is missing counts as such.

    Parameters
    ----------
    root
        Names are taken below it; it also names the cache of digests.
    files
        In any order.

    Raises
    ------
    AgileError
        When a file that is there cannot be read.
    """
    cache = _cache_file(root)
    known = _read(cache)
    found = {file.relative_to(root).as_posix(): _digest(root, file, known) for file in files}
    if found != known:
        with suppress(AgileError):  # without a cache everything is hashed again next time
            write_text(cache, json.dumps(found))
    whole = hashlib.sha256()
    for name in sorted(found):
        whole.update(f"{json.dumps(name)}\t{found[name][-1]}\n".encode())
    return f"sha256:{whole.hexdigest()[:32]}"


def _digest(root: Path, file: Path, known: dict[str, list[Any]]) -> list[Any]:
    """Return what a file is known by and, last, the digest of its bytes."""
    try:
        about = file.stat()
    except FileNotFoundError:
        return ["missing"]
    except OSError as error:
        raise _unreadable(file, error) from error
    mark = [about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino]
    before = known.get(file.relative_to(root).as_posix())
    if isinstance(before, list) and before[:-1] == mark:
        return before
    try:
        with file.open("rb") as stream:
            return [*mark, hashlib.file_digest(stream, "sha256").hexdigest()]
    except OSError as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: OSError) -> AgileError:
    return AgileError(
        f"{file} cannot be read ({error.strerror or error}); see to the disk or its permissions "
        "and run the same command again."
    )


def _cache_file(root: Path) -> Path:
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    name = hashlib.sha256(os.fsencode(root.absolute())).hexdigest()[:32]
    return home / "agile" / "digests" / f"{name}.json"


def _read(cache: Path) -> dict[str, list[Any]]:
    """Read the cache; one that is missing or damaged is empty."""
    try:
        known = json.loads(cache.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}
