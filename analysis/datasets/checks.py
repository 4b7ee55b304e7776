"""Is this file what it should be: digests, sizes, first bytes."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from analysis.errors import UsageError

DIGESTS = ("md5", "sha1", "sha256")
#: First bytes by suffix, against a web page served in place of a file.
MAGIC = {".jpg": b"\xff\xd8", ".zip": b"PK", ".parquet": b"PAR1", ".png": b"\x89PNG"}


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


def check_file(
    path: Path, checksums: Mapping[str, str], declared: str | None = None, size: int | None = None
) -> Received:
    """Check a received file.

    Parameters
    ----------
    path
        The file, whose suffix tells the expected first bytes.
    checksums
        Known digests by name; all must agree.
    declared
        Digest the server declares (SHA-256 or MD5), used when none is known.
    size
        Expected bytes.

    Raises
    ------
    WrongFileError
        If the size, a digest, or the first bytes are wrong.
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
    magic = MAGIC.get(path.suffix.lower(), b"")
    with path.open("rb") as stream:
        if not known and stream.read(len(magic)) != magic:
            raise WrongFileError(f"{path.name} is no {path.suffix[1:]} file but something else")
    return Received(actual, found["sha256"], checked or "size")
