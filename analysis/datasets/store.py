"""Get a data set into a folder, file by file, so that an interrupted call loses nothing."""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from analysis.datasets.archives import unpack
from analysis.datasets.checks import DIGESTS, Received, digests
from analysis.datasets.download import Manners, fetch
from analysis.datasets.manifest import Entry, Manifest
from analysis.datasets.sources import RemoteFile, Source
from analysis.errors import AgileError, UsageError


def get(
    source: Source,
    folder: Path,
    base: str | None = None,
    checksums: Mapping[str, tuple[str, str]] | None = None,
    manners: Manners | None = None,
    report: Callable[[str], Callable[[int], object]] | None = None,
) -> Iterator[Entry]:
    """Fetch every file of a source that the folder does not have, yielding each when it is there.

    The manifest ``agile-data.json`` is rewritten after every file, so an interrupted call loses
    nothing. Files in the manifest with the recorded size are not fetched again.

    Parameters
    ----------
    source
        What to fetch.
    folder
        Where to.
    base
        A mirror's address in place of the source's scheme and host.
    checksums
        Digests the user knows, ``{path: ("sha256", hex)}``; they win over the table's.
    manners
        Attempts and pauses.
    report
        Called with a file's name before it is fetched; returns what is told the bytes.

    Raises
    ------
    UsageError
        If a checksum names a file that the source does not have.
    AgileError
        If something cannot be fetched, is wrong, or cannot be unpacked.
    """
    wanted = dict(checksums or {})
    unknown = set(wanted) - {file.path for file in source.files}
    if unknown:
        some = ", ".join(file.path for file in source.files[:5])
        raise UsageError(f"sha256 for {min(unknown)!r}: {source.name} has the files {some} ….")
    with _alone(folder):
        yield from _get_all(source, folder, base, wanted, manners, report)


def _get_all(
    source: Source,
    folder: Path,
    base: str | None,
    wanted: Mapping[str, tuple[str, str]],
    manners: Manners | None,
    report: Callable[[str], Callable[[int], object]] | None,
) -> Iterator[Entry]:
    manifest = Manifest(folder, source.name, source.revision)
    for file in source.files:
        outputs = file.members or (file.path,)
        if not all(manifest.has(path) for path in outputs):
            url = (base or source.base).rstrip("/") + file.address
            known = (wanted[file.path],) if file.path in wanted else file.checksums
            progress = report(file.path) if report else None
            target = folder / file.path
            received = fetch(url, target, known, file.size, manners, progress)
            for path, arrived in _settle(file, target, folder, received):
                manifest.add(path, arrived, url)
        yield from (manifest.entries[path] for path in outputs)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep a second process from filling the same folder; the lock ends with the process."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise AgileError(
            f"{folder} cannot be written ({error.strerror}); choose another folder with --to."
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise AgileError(
            f"another process is filling {folder}; wait for it or choose another --to."
        ) from error
    finally:
        os.close(handle)


def _settle(
    file: RemoteFile, target: Path, folder: Path, received: Received
) -> Iterator[tuple[str, Received]]:
    """Unpack an archive and remove it; a damaged one is removed too, so that it is got again."""
    if not file.members:
        yield file.path, received
        return
    try:
        unpacked = unpack(target, folder, file.members)
    finally:
        target.unlink(missing_ok=True)
    for name, path in zip(file.members, unpacked, strict=True):
        digest = digests(path, ["sha256"])["sha256"]
        yield name, Received(path.stat().st_size, digest, f"{received.checked} of the archive")


def parse_checksum(text: str) -> tuple[str, tuple[str, str]]:
    """Split ``PATH=HEX`` or ``PATH=sha256:HEX`` as given on the command line.

    Raises
    ------
    UsageError
        If it has another form or the digest another length.
    """
    path, _, digest = text.rpartition("=")
    kind, _, value = digest.rpartition(":")
    kind = kind or "sha256"
    lengths = dict(zip(DIGESTS, (32, 40, 64), strict=True))
    if not path or len(value) != lengths.get(kind) or set(value.lower()) - set("0123456789abcdef"):
        raise UsageError(f"checksum {text!r} is not usable; write FILE=HEX with a SHA-256.")
    return path, (kind, value.lower())


def free_space(folder: Path) -> int:
    """Return the free bytes where a folder is or will be."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    status = os.statvfs(place)
    return status.f_bavail * status.f_frsize


def need_space(source: Source, folder: Path) -> None:
    """Raise ``AgileError`` when the files of known size cannot fit."""
    needed = sum(file.size or 0 for file in source.files)
    free = free_space(folder)
    if needed > free:
        raise AgileError(
            f"{source.name} needs at least {needed:,} bytes, {folder} has {free:,} free; choose "
            f"another folder with --to."
        )
