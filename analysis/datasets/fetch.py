"""Get a data set into a folder, file by file, so that an interrupted call loses nothing.

The hub's files come through `huggingface_hub` (tokens, mirrors, resume, offline mode), all
others through `pooch`. Ours are the checks, the manifest and the one sentence per error.
"""

import fcntl
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from urllib.parse import urlsplit

from analysis.datasets.archives import unpack
from analysis.datasets.checks import DIGESTS, Received, WrongFileError, check_file, digests
from analysis.datasets.manifest import Entry, Manifest
from analysis.datasets.sources import RemoteFile, Source
from analysis.datasets.transfer import LONGEST_WAIT, from_hub, from_web, refusal
from analysis.errors import AgileError, UsageError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Patience:
    """How a server is treated.

    Attributes
    ----------
    attempts
        Failed attempts in a row, without progress, before giving up; at least 1.
    timeout
        Seconds without data before a connection counts as dead.
    wait
        Seconds before the second attempt; doubled for each further one.
    """

    attempts: int = 5
    timeout: float = 60.0
    wait: float = 1.0

    def __post_init__(self) -> None:
        for name, least in (("attempts", 1), ("timeout", 0.001), ("wait", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}={getattr(self, name)} is not allowed; at least {least}")


def get(
    source: Source,
    folder: Path,
    mirror: str | None = None,
    checksums: Mapping[str, Mapping[str, str]] | None = None,
    patience: Patience | None = None,
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
    mirror
        An address in place of the source's scheme and host.
    checksums
        Digests the user knows, ``{path: {"sha256": hex}}``; they win over the table's.
    patience
        Attempts and pauses.

    Raises
    ------
    UsageError
        If a checksum names a file that the source does not have, or the mirror is no address.
    AgileError
        If something cannot be fetched, is wrong, or cannot be unpacked.
    """
    wanted = dict(checksums or {})
    unknown = set(wanted) - {file.path for file in source.files}
    if unknown:
        some = ", ".join(file.path for file in source.files[:5])
        raise UsageError(f"sha256 for {min(unknown)!r}: {source.name} has the files {some} ….")
    if mirror and urlsplit(mirror).scheme not in ("http", "https"):
        raise UsageError(f"address {mirror!r} is neither http nor https; give another --mirror.")
    with _alone(folder):
        manifest = Manifest(folder, source.name, source.revision)
        for file in source.files:
            outputs = file.members or (file.path,)
            if not all(manifest.has(path) for path in outputs):
                known = wanted.get(file.path, file.checksums)
                received, url = _fetch(source, file, folder, mirror, known, patience or Patience())
                for path, arrived in _settle(file, folder, received):
                    manifest.add(path, arrived, url)
            yield from (manifest.entries[path] for path in outputs)


def _fetch(
    source: Source,
    file: RemoteFile,
    folder: Path,
    mirror: str | None,
    known: Mapping[str, str],
    patience: Patience,
) -> tuple[Received, str]:
    """Get one file, trying again after what may pass and once more after a wrong delivery."""
    target, failures, spoiled = folder / file.path, 0, False
    part = target.with_name(target.name + ".part")
    while True:
        had = part.stat().st_size if part.exists() else 0
        try:
            if source.repository:
                url, declared, size = from_hub(source, file.path, folder, mirror, patience.timeout)
            else:
                base = (mirror or source.base).rstrip("/")
                url, size = f"{base}/{file.path}", file.size
                declared = from_web(url, target, part, bool(known), patience.timeout)
            return check_file(target, known, declared, size), url
        except WrongFileError as error:
            target.unlink(missing_ok=True)
            if spoiled:
                raise AgileError(
                    f"{error}; it was deleted, try again later or give --mirror URL."
                ) from error
            spoiled = True  # a part may have been of another version: once from the start
            logger.warning("%s; fetching it once more", error)
        except (AgileError, UsageError):
            raise
        except Exception as error:
            grown = part.exists() and part.stat().st_size > had
            failures = 1 if grown else failures + 1
            _pause(error, target, mirror or source.base, failures, patience)


def _pause(error: Exception, target: Path, address: str, failures: int, patience: Patience) -> None:
    """Wait before another attempt, or say in one sentence why there is none.

    Raises
    ------
    AgileError
        When the server refuses, asks for more patience than there is, or the disk is full.
    """
    host, name = urlsplit(address).netloc, target.name
    said = refusal(error)
    if said.disk:
        raise AgileError(
            f"{name} cannot be written ({said.reason}); make room or choose another folder and "
            f"run the command again: it continues where it stopped."
        ) from error
    if said.final:
        raise AgileError(
            f"{host} answers {said.reason} for {name}; the file may have moved: give --mirror "
            f"URL, or fetch it by hand and use --data NAME:PATH."
        ) from error
    if failures >= patience.attempts:
        raise AgileError(
            f"{host} did not deliver {name} ({said.reason}); check the network, run the command "
            f"again to continue, or give --mirror URL."
        ) from error
    if said.after is not None and said.after > LONGEST_WAIT:
        raise AgileError(
            f"{host} asks to wait {said.after:.0f} s; run the command again after that."
        ) from error
    wait = patience.wait * 2 ** (failures - 1) if said.after is None else said.after
    logger.info("%s: %s; next attempt in %.0f s", name, said.reason, wait)
    sleep(min(wait, LONGEST_WAIT))


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


def _settle(file: RemoteFile, folder: Path, received: Received) -> Iterator[tuple[str, Received]]:
    """Unpack an archive and remove it; a damaged one is removed too, so that it is got again."""
    if not file.members:
        yield file.path, received
        return
    archive = folder / file.path
    try:
        unpacked = unpack(archive, folder, file.members)
    finally:
        archive.unlink(missing_ok=True)
    for name, path in zip(file.members, unpacked, strict=True):
        digest = digests(path, ["sha256"])["sha256"]
        yield name, Received(path.stat().st_size, digest, f"{received.checked} of the archive")


def parse_checksum(text: str) -> tuple[str, dict[str, str]]:
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
    return path, {kind: value.lower()}


def need_space(source: Source, folder: Path) -> None:
    """Raise ``AgileError`` when the files of known size cannot fit where a folder is or will be."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    needed, free = sum(file.size or 0 for file in source.files), shutil.disk_usage(place).free
    if needed > free:
        raise AgileError(
            f"{source.name} needs at least {needed:,} bytes, {folder} has {free:,} free; choose "
            f"another folder with --to."
        )
