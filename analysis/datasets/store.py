"""Get a data set into a folder, remember what arrived, and check it later."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analysis.datasets.archives import unpack
from analysis.datasets.checks import DIGESTS, Received, digests
from analysis.datasets.download import Manners, fetch
from analysis.datasets.sources import RemoteFile, Source
from analysis.errors import AgileError, UsageError

MANIFEST = "agile-data.json"


@dataclass(frozen=True)
class Entry:
    """One file of a data set as it arrived.

    Attributes
    ----------
    path
        Below the folder.
    size
        Bytes.
    sha256
        Digest when it arrived.
    checked
        What it was compared with then (:class:`analysis.datasets.checks.Received`).
    url
        Where it came from.
    time
        When, UTC.
    """

    path: str
    size: int
    sha256: str
    checked: str
    url: str
    time: str


@dataclass(frozen=True)
class Finding:
    """What ``verify`` says of one file: ``state`` is ok, missing, changed or unreadable."""

    path: str
    state: str
    detail: str = ""


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


def verify(folder: Path) -> Iterator[Finding]:
    """Compare every file of a folder's manifest with its size and SHA-256 when it arrived.

    Raises
    ------
    UsageError
        If the folder has no manifest.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise UsageError(
            f"{str(folder)!r} has no {MANIFEST}; give a folder that agile data get filled."
        )
    for entry in read_manifest(path).values():
        yield _compare(folder / entry.path, entry)


def _compare(path: Path, entry: Entry) -> Finding:
    if not path.is_file():
        return Finding(entry.path, "missing", "get it again")
    try:
        size = path.stat().st_size
        if size != entry.size:
            return Finding(entry.path, "changed", f"{size:,} bytes, were {entry.size:,}")
        if digests(path, ["sha256"])["sha256"] != entry.sha256:
            return Finding(entry.path, "changed", "another SHA-256 than when it arrived")
    except OSError as error:
        return Finding(entry.path, "unreadable", str(error.strerror))
    return Finding(entry.path, "ok", entry.checked)


class Manifest:
    """The record of what a folder holds, written anew after every file.

    Raises
    ------
    UsageError
        If the folder's manifest is of another data set or revision, or unreadable.
    """

    def __init__(self, folder: Path, name: str, revision: str) -> None:
        self.path = folder / MANIFEST
        self.name, self.revision = name, revision
        self.entries: dict[str, Entry] = {}
        if self.path.exists():
            data = _read(self.path)
            if (data["name"], data["revision"]) != (name, revision):
                raise UsageError(
                    f"{str(folder)!r} holds {data['name']} at {data['revision']}, not {name} at "
                    f"{revision}; choose another folder with --to."
                )
            self.entries = read_manifest(self.path)

    def has(self, path: str) -> bool:
        """Return whether a file arrived earlier and still has its size."""
        entry, file = self.entries.get(path), self.path.parent / path
        return entry is not None and file.is_file() and file.stat().st_size == entry.size

    def add(self, path: str, received: Received, url: str) -> None:
        """Record a file, atomically."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.entries[path] = Entry(path, received.size, received.sha256, received.checked, url, now)
        files = [asdict(entry) for entry in self.entries.values()]
        data = {"name": self.name, "revision": self.revision, "files": files}
        part = self.path.with_name(self.path.name + ".part")
        part.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
        os.replace(part, self.path)


def read_manifest(path: Path) -> dict[str, Entry]:
    """Return the entries of a manifest by path; ``UsageError`` when it is not one."""
    try:
        entries = [Entry(**row) for row in _read(path)["files"]]
    except TypeError as error:
        raise UsageError(f"{path.name} is not a manifest ({error}); delete it.") from error
    return {entry.path: entry for entry in entries}


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if not {"name", "revision", "files"} <= set(data):
            raise ValueError("it lacks name, revision or files")
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"{path.name} cannot be read ({error}); delete it.") from error
    return dict(data)


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
