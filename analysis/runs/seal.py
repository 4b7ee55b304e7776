"""The seal of a shard: what it belongs to, and a digest over every byte of its file.

Both stand in the file's own Parquet metadata. The digest is that of the file with 64 zeros in
the digest's place, so one flipped bit anywhere is seen by reading the file once.
"""

import hashlib
import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

KEY = b"agile"
_BLANK = "0" * 64
_MARK = b'"sha256": "'


class Damaged(ValueError):
    """A file that is no whole shard; the message says why in a few words."""


def blank(note: dict[str, Any]) -> bytes:
    """Return a note as metadata, with room for the digest."""
    return json.dumps({**note, "sha256": _BLANK}).encode()


def press(file: Path) -> None:
    """Put the digest of a file just written into its room."""
    content = file.read_bytes()
    place = content.rfind(_MARK) + len(_MARK)
    with file.open("r+b") as stream:
        stream.seek(place)
        stream.write(hashlib.sha256(content).hexdigest().encode())


def read_note(file: Path) -> dict[str, Any]:
    """Read and check the seal of a shard.

    Returns
    -------
    dict
        The note with ``num_rows``, the rows the file really holds; of a file written before
        there were seals, what note it has.

    Raises
    ------
    Damaged
        When it cannot be read as Parquet, or a byte is not as it was written.
    """
    try:
        about = os.stat(file)
        return _checked(str(file), about.st_size, about.st_mtime_ns, about.st_ino)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise Damaged(str(error).splitlines()[0][:200]) from error


@lru_cache(maxsize=1 << 16)
def _checked(file: str, _size: int, _changed: int, _inode: int) -> dict[str, Any]:
    content = Path(file).read_bytes()
    metadata = pq.read_metadata(pa.BufferReader(content))
    note: dict[str, Any] = json.loads((metadata.metadata or {}).get(KEY, b"{}"))
    if "sha256" in note:
        place = content.rfind(_MARK) + len(_MARK)
        whole = hashlib.sha256(content[:place])
        whole.update(_BLANK.encode())
        whole.update(content[place + len(_BLANK) :])
        if whole.hexdigest() != note["sha256"]:
            raise Damaged("its bytes are not those that were written")
    return {**note, "num_rows": metadata.num_rows}
