"""Paths that people write and that data names: one sentence for what no system call takes."""

import os
import stat
from pathlib import Path

from analysis.errors import UsageError


def written(text: str | Path) -> Path:
    """Return a path someone wrote, ``~`` expanded.

    Raises
    ------
    UsageError
        If no file can have that name: an unknown user, a NUL, or too long.
    """
    try:
        path = Path(text).expanduser()
        os.stat(path)
    except FileNotFoundError:
        return path
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error).rstrip(".")
        shown = str(text) if len(str(text)) <= 100 else f"{str(text)[:100]}…"
        raise UsageError(
            f"path={shown!r} cannot be used ({reason}); give a folder or file that exists."
        ) from error
    return path


def inside(folder: Path, name: str) -> Path | None:
    """Return where ``name`` lies below a folder, None where it would leave it.

    Links in the folder are its owner's and are followed.
    """
    root = os.path.abspath(folder)
    place = os.path.abspath(os.path.join(root, name))
    return Path(place) if os.path.commonpath([root, place]) == root and "\0" not in name else None


def require_inside(folder: Path, name: str, where: str) -> Path:
    """Return where ``name`` lies below a folder.

    Raises
    ------
    UsageError
        If it lies outside, or cannot be the name of a file; ``where`` names it.
    """
    found = inside(folder, name)
    if found is None:
        raise UsageError(f"{where}: {name!r} lies outside the folder; give a path inside.")
    return found


def ordinary(path: Path) -> bool:
    """Tell whether a path is a file or nothing: no pipe or device, whose reading may never end."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return True
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)
