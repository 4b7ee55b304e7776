"""Unpack named members of a zip archive without letting one out of its folder."""

import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from analysis.errors import AgileError

#: Largest member that is unpacked, against archives that swell; COCO's largest is 0.4 GB.
MAX_MEMBER = 4 << 30


def unpack(
    archive: Path, folder: Path, members: Iterable[str], max_member: int = MAX_MEMBER
) -> list[Path]:
    """Unpack members of a zip archive, each to its own path below ``folder``.

    Every entry of the archive is examined first: one that points outside the folder or is a link
    makes the whole archive suspect, and nothing is unpacked. Files appear under their names only
    when complete.

    Returns
    -------
    list of pathlib.Path
        The files, in the order asked for.

    Raises
    ------
    AgileError
        If the archive is truncated, damaged or suspect, or a member is missing or too large.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            for info in opened.infolist():
                _examine(info, archive.name)
            return [_extract(opened, name, folder, max_member) for name in members]
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise AgileError(
            f"{archive.name} is truncated or damaged ({error}); get it again."
        ) from error
    except RuntimeError as error:
        # What zipfile raises for members that are encrypted or packed in a way it lacks.
        raise AgileError(
            f"{archive.name} cannot be unpacked here ({error}); get the official archive."
        ) from error


def _examine(info: zipfile.ZipInfo, archive: str) -> None:
    name = info.filename.replace("\\", "/")
    path = PurePosixPath(name)
    outside = path.is_absolute() or ".." in path.parts or ":" in name.split("/")[0]
    if outside or "\0" in info.orig_filename or stat.S_ISLNK(info.external_attr >> 16):
        raise AgileError(
            f"{archive} holds the entry {info.filename!r}, which leaves its folder; nothing was "
            f"unpacked, get the archive from a source you trust."
        )


def _extract(opened: zipfile.ZipFile, name: str, folder: Path, max_member: int) -> Path:
    try:
        info = opened.getinfo(name)
    except KeyError as error:
        raise AgileError(
            f"{Path(opened.filename or '').name} has no member {name}; get the official archive."
        ) from error
    if info.file_size > max_member:
        raise AgileError(
            f"member {name} unpacks to {info.file_size:,} bytes, more than the limit of "
            f"{max_member:,}; get the official archive."
        )
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    try:
        with opened.open(info) as source, part.open("wb") as out:
            shutil.copyfileobj(
                source, out, 1 << 20
            )  # zipfile stops at file_size and checks the CRC
            out.flush()
            os.fsync(out.fileno())
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    return target
