"""Is this file what it should be: digests, sizes, and a content that can be read."""

import hashlib
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from analysis.datasets.images import load_image
from analysis.errors import UsageError

DIGESTS = ("md5", "sha1", "sha256")


def _picture(path: Path) -> None:
    """Decode a picture whose end marker must be there: decoders do without the last bytes."""
    load_image(path)
    tail = path.read_bytes()[-1024:]
    if b"\xff\xd9" not in tail and b"IEND" not in tail:
        raise ValueError("its end is missing")


# What reads a file to its end, by suffix: against a web page in its place and one cut short.
_READERS: dict[str, Callable[[Path], object]] = {
    ".jpg": _picture,
    ".png": _picture,
    ".zip": zipfile.ZipFile,
    ".parquet": pq.ParquetFile,
}


class WrongFileError(Exception):
    """A file arrived whole but is not the one wanted; the message says in what."""


@dataclass(frozen=True)
class Received:
    """A file that arrived whole and passed its checks.

    Attributes
    ----------
    size
        Bytes.
    sha256
        Digest of what was received.
    checked
        What it was compared with: ``"sha256"``, ``"md5, sha1"``, ``"sha256 of the server"``, or
        ``"size"`` where nobody knows a digest.
    """

    size: int
    sha256: str
    checked: str


def digests(path: Path, names: Iterable[str]) -> dict[str, str]:
    """Return hex digests of a file.

    Raises
    ------
    UsageError
        If a name is not md5, sha1 or sha256.
    """
    found = {}
    for name in names:
        if name not in DIGESTS:
            raise UsageError(f"checksum {name!r} is unknown; choose one of: {', '.join(DIGESTS)}.")
        with path.open("rb") as stream:
            found[name] = hashlib.file_digest(stream, name).hexdigest()
    return found


def check_content(path: Path) -> None:
    """Read a file as what its suffix says it is.

    Raises
    ------
    WrongFileError
        If it is something else, or cut short.
    """
    try:
        _READERS.get(path.suffix.lower(), lambda _: None)(path)
    except Exception as error:  # whatever the reader of a broken file raises
        reason = " ".join(str(error).split())[:120]
        raise WrongFileError(
            f"{path.name} is no whole {path.suffix[1:]} file ({reason})"
        ) from error


def check_file(
    path: Path, checksums: Mapping[str, str], declared: str | None = None, size: int | None = None
) -> Received:
    """Check a received file.

    Parameters
    ----------
    path
        The file, whose suffix tells how it is read.
    checksums
        Known digests by name; all must agree.
    declared
        Digest the server declares (SHA-256 or MD5), used when none is known.
    size
        Expected bytes.

    Raises
    ------
    WrongFileError
        If the size or a digest is wrong or, where no digest is known, the content.
    """
    actual = path.stat().st_size
    if size is not None and actual != size:
        raise WrongFileError(f"{path.name} has {actual:,} bytes, not {size:,}")
    known, checked = dict(checksums), ", ".join(checksums)
    if not known and declared:
        kind = "sha256" if len(declared) == 64 else "md5"
        known, checked = {kind: declared}, f"{kind} of the server"
    found = digests(path, {*known, "sha256"})
    for kind, wanted in known.items():
        if found[kind] != wanted.lower():
            raise WrongFileError(
                f"{path.name} has the wrong checksum ({kind} {found[kind]}, expected {wanted})"
            )
    if not known:
        check_content(path)
    return Received(actual, found["sha256"], checked or "size")
