"""The record of what arrived in a folder, and whether it is still the same."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from analysis.datasets.checks import Received, WrongFileError, check_content, digests
from analysis.errors import UsageError

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
    for entry in read_manifest(path)[1].values():
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
        check_content(path)
    except WrongFileError as error:
        return Finding(entry.path, "unreadable", f"{error}; get it again")
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
            held, self.entries = read_manifest(self.path)
            if held != (name, revision):
                raise UsageError(
                    f"{str(folder)!r} holds {held[0]} at {held[1]}, not {name} at {revision}; "
                    f"choose another folder with --to."
                )

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


def read_manifest(path: Path) -> tuple[tuple[str, str], dict[str, Entry]]:
    """Return name and revision of the data set, and the entries of a manifest by path.

    Raises
    ------
    UsageError
        If it is unreadable or no manifest.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        entries = [Entry(**row) for row in data["files"]]
        return (data["name"], data["revision"]), {entry.path: entry for entry in entries}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(f"{path.name} is not a manifest ({error}); delete it.") from error
