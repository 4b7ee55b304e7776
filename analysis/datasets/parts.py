"""The part of a file that has arrived, kept so that a later attempt can go on."""

import http.client
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from analysis.datasets.checks import CHUNK


class RetryError(Exception):
    """One attempt failed, another may succeed; ``after`` is what the server asked to wait."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Part:
    """The bytes of one download so far, with a note of which version of which address they are.

    Parameters
    ----------
    target
        Final path of the file; the part lies beside it.
    url
        Where the bytes come from.
    progress
        Called with the bytes that are added, negative when they are thrown away.
    """

    def __init__(self, target: Path, url: str, progress: Callable[[int], object]) -> None:
        self.target, self.url, self.progress = target, url, progress
        self.path = target.with_name(target.name + ".part")
        self.note = target.with_name(target.name + ".part.json")
        if self.size():
            progress(self.size())

    def size(self) -> int:
        """Return the bytes received so far."""
        return self.path.stat().st_size if self.path.exists() else 0

    def forget(self) -> None:
        """Throw the part away."""
        if self.size():
            self.progress(-self.size())
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def begin(self, headers: Mapping[str, str]) -> None:
        """Start anew, noting the version a response announces."""
        self.forget()
        etag, date = _validators(headers)
        self.note.write_text(json.dumps({"url": self.url, "validator": etag or date}))

    def continues(self, headers: Mapping[str, str]) -> bool:
        """Return whether a response says it is of the version the part is of, or says nothing."""
        noted = self.validator()
        etag, date = _validators(headers)
        stated = etag if noted.startswith('"') else date
        return not stated or stated == noted

    def validator(self) -> str:
        """Return what identifies the version of the part (ETag or date), empty if unknown."""
        with suppress(OSError, ValueError, AttributeError):
            note = json.loads(self.note.read_text())
            return str(note.get("validator", "")) if note.get("url") == self.url else ""
        return ""

    def append(self, response: Any) -> None:
        """Add the body of a response; ``RetryError`` when the connection breaks."""
        with self.path.open("ab") as out:
            while chunk := _read(response):
                out.write(chunk)
                self.progress(len(chunk))
            out.flush()
            os.fsync(out.fileno())

    def finish(self) -> None:
        """Give the file its name."""
        os.replace(self.path, self.target)
        self.note.unlink(missing_ok=True)


def _validators(headers: Mapping[str, str]) -> tuple[str, str]:
    """Return what identifies a version: the strong ETag and the date, empty where not given."""
    etag = headers.get("ETag") or ""
    return "" if etag.startswith("W/") else etag, headers.get("Last-Modified") or ""


def _read(response: Any) -> bytes:
    try:
        return bytes(response.read1(CHUNK))  # what is there, so that a stall loses nothing
    except (http.client.HTTPException, OSError) as error:
        raise RetryError(f"connection failed: {error}") from error
