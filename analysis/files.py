"""One way to write a file: whole under its name or not at all, and never through a link."""

import errno
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from analysis.errors import AgileError

try:
    import fcntl
except ImportError:  # no such locks on this system: temporaries of the dead stay there
    fcntl = None  # type: ignore[assignment]


def write_atomically(path: Path, write: Callable[[Path], Any], claim: bool = False) -> bool:
    """Let ``write(temporary_path)`` make a file, flush it, and give it its final name.

    The temporary name is random and locked while its writer lives, so that what a killed one
    left is known for what it is and removed by whoever writes the same file next.

    Parameters
    ----------
    path
        The final name; its folder is made.
    write
        Makes the file under the name it is given, which ends in ``.tmp``.
    claim
        Leave a file that has the final name already as it is.

    Returns
    -------
    bool
        Whether the file is the one written now.

    Raises
    ------
    AgileError
        When the disk is full or the place refuses, or the name is a link, a folder or a device;
        the half-written file is removed.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise OSError(errno.EINVAL, "a link, a folder or a device has that name")
        _remove_stale(path)
        with _temporary(path) as temporary:
            write(temporary)
            with temporary.open("rb") as handle:
                os.fsync(handle.fileno())
            return _publish(temporary, path, claim)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise AgileError(
                f"no space left for {path}; free some and run the same command again, "
                "finished shards are kept."
            ) from error
        raise AgileError(
            f"{path} cannot be written ({error.strerror or error}); choose another --out."
        ) from error


def write_text(path: Path, text: str) -> Path:
    """Write UTF-8 text with plain newlines, atomically; return the path.

    Raises
    ------
    AgileError
        See `write_atomically`.
    """
    write_atomically(path, lambda file: file.write_text(text, encoding="utf-8", newline="\n"))
    return path


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """Hold the lock of a fresh file beside the final one, which is gone afterwards."""
    name = path.with_name(f".{path.name[:200]}.{secrets.token_hex(8)}.tmp")
    with name.open("xb") as held:
        try:
            _lock(held.fileno())
            yield name
        finally:
            with suppress(OSError):
                name.unlink(missing_ok=True)


def _lock(handle: int) -> bool:
    """Take the lock of an open file; False where another holds it or there are no locks."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove_stale(path: Path) -> None:
    """Remove temporaries of this file whose writer is dead: nobody holds their lock."""
    for entry in os.scandir(path.parent):
        if entry.name.startswith(f".{path.name[:200]}.") and entry.name.endswith(".tmp"):
            with suppress(OSError), open(entry.path, "rb") as held:
                if entry.is_file(follow_symlinks=False) and _lock(held.fileno()):
                    os.unlink(entry.path)


def _publish(temporary: Path, path: Path, claim: bool) -> bool:
    """Give a file its final name; tell whether it has it now."""
    if claim:
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        except OSError:
            # No hard links here (exFAT, some network drives): not safe against a second worker
            # that starts in the same instant, who would write the very same.
            if path.exists():
                return False
        else:
            return True
    temporary.replace(path)
    return True
