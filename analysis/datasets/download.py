"""Fetch one file over HTTP: resumable, checked, atomic, and polite to the server."""

import email.utils
import http.client
import logging
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from analysis import __version__
from analysis.datasets.checks import Received, WrongFileError, check_file
from analysis.datasets.parts import Part, RetryError
from analysis.errors import AgileError, UsageError

logger = logging.getLogger(__name__)

RETRY_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Manners:
    """How a server is treated.

    Attributes
    ----------
    attempts
        Failed attempts in a row, without progress, before giving up; at least 1.
    wait
        Seconds before the second attempt; doubled for each further one.
    longest_wait
        Longest pause in seconds; a server that asks for more ends the download.
    timeout
        Seconds without data before a connection counts as dead.
    sleep
        What waits; replaced in tests.
    """

    attempts: int = 5
    wait: float = 1.0
    longest_wait: float = 300.0
    timeout: float = 60.0
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        for name, least in (("attempts", 1), ("wait", 0), ("longest_wait", 0), ("timeout", 0.001)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}={getattr(self, name)} is not allowed; at least {least}")


def fetch(
    url: str,
    target: Path,
    checksums: Iterable[tuple[str, str]] = (),
    size: int | None = None,
    manners: Manners | None = None,
    progress: Callable[[int], object] | None = None,
) -> Received:
    """Download a file to ``target``.

    Bytes go to ``target.part``; a broken connection continues there, also in a later call, as
    long as the server still serves the same version. The file gets its name only after all
    checks passed. Without known checksums the digest that the server declares is used
    (``X-Linked-ETag`` of the hub, an MD5 ``ETag`` of an S3 server), else size and first bytes.

    Parameters
    ----------
    url
        http or https address.
    target
        Final path; its folder is made.
    checksums
        Pairs such as ``("sha256", hex)``; all of them must agree.
    size
        Expected bytes.
    manners
        Attempts and pauses.
    progress
        Called with the bytes that were added to the part, negative when it is thrown away.

    Raises
    ------
    UsageError
        If the address is neither http nor https.
    AgileError
        If the server refuses, cannot be reached, sends something wrong twice, or the file cannot
        be written.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise UsageError(f"address {url!r} is neither http nor https; give another --mirror.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = Part(target, url, progress or (lambda _: None))
        return _Job(part, dict(checksums), size, manners or Manners()).run()
    except OSError as error:  # of the disk; the network's are retried
        raise AgileError(
            f"{target.name} cannot be written ({error.strerror}); make room or choose another "
            f"folder and run the command again: it continues where it stopped."
        ) from error


def retry_after(headers: Mapping[str, str] | Message) -> float | None:
    """Return the seconds a server asks to wait (a number or an HTTP date), or None."""
    value = headers.get("Retry-After", "").strip()
    if value.isdigit():
        return float(value)
    with suppress(ValueError, TypeError):
        moment = email.utils.parsedate_to_datetime(value)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    return None


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects, keep the digest declared on the way, never go from https to http."""

    declared: str | None = None

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        """Return the request that follows a redirect."""
        if req.type == "https" and urlsplit(newurl).scheme != "https":
            raise AgileError(
                f"{req.host} redirects to an unencrypted address; give another --mirror URL."
            )
        self.declared = declared_digest(headers) or self.declared
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def declared_digest(headers: Mapping[str, str]) -> str | None:
    """Return the SHA-256 (hub) or MD5 (S3, objects in one part) a server declares, if any."""
    if match := re.fullmatch(r'"?([0-9a-f]{64})"?', headers.get("X-Linked-ETag") or ""):
        return match[1]
    if "S3" in (headers.get("Server") or ""):
        match = re.fullmatch(r'"([0-9a-f]{32})"', headers.get("ETag") or "")
        return match[1] if match else None
    return None


class _Job:
    """One download; see :func:`fetch`."""

    def __init__(
        self, part: Part, checksums: dict[str, str], size: int | None, manners: Manners
    ) -> None:
        self.part, self.checksums, self.size, self.manners = part, checksums, size, manners
        self.name, self.host = part.target.name, urlsplit(part.url).netloc

    def run(self) -> Received:
        failures, longest, restarted = 0, self.part.size(), False
        while True:
            try:
                declared = self._receive()
                received = check_file(
                    self.part.path, self.name, self.checksums, declared, self.size
                )
            except RetryError as error:
                failures = 1 if self.part.size() > longest else failures + 1
                longest = max(longest, self.part.size())
                self._pause(failures, error)
            except WrongFileError as error:
                self.part.forget()
                if restarted:
                    raise AgileError(
                        f"{error}; it was deleted, try again later or give --mirror URL."
                    ) from error
                restarted = True  # the part may have been of another version: once from the start
                logger.warning("%s; fetching it once more", error)
            else:
                self.part.finish()
                return received

    def _pause(self, failures: int, error: RetryError) -> None:
        if failures >= self.manners.attempts:
            raise AgileError(
                f"{self.host} did not deliver {self.name} ({error}); check the network, run the "
                f"command again to continue, or give --mirror URL."
            ) from error
        wait = self.manners.wait * 2 ** (failures - 1) if error.after is None else error.after
        if wait > self.manners.longest_wait and error.after is not None:
            raise AgileError(
                f"{self.host} asks to wait {error.after:.0f} s; run the command again after that."
            ) from error
        wait = min(wait, self.manners.longest_wait)
        logger.info("%s: %s; next attempt in %.0f s", self.name, error, wait)
        self.manners.sleep(wait)

    def _receive(self) -> str | None:
        """Receive what is still missing; return the digest the server declares, if any."""
        redirects = _Redirects()
        try:
            response = self._open(redirects)
        except urllib.error.HTTPError as error:
            return self._refused(error)
        except (http.client.HTTPException, OSError) as error:
            reason = " ".join(str(getattr(error, "reason", None) or error).split())
            raise RetryError(f"connection failed: {reason}") from error
        with response:
            total = self._begin(response)
            self.part.append(response)
        have = self.part.size()
        if total is not None and have < total:
            raise RetryError(f"connection cut at {have:,} of {total:,} bytes")
        return redirects.declared or declared_digest(response.headers)

    def _open(self, redirects: _Redirects) -> Any:
        headers = {
            "User-Agent": f"agilepruner-analysis/{__version__}",
            "Accept-Encoding": "identity",
        }
        have, validator = self.part.size(), self.part.validator()
        if have and (validator or self.checksums):
            headers["Range"] = f"bytes={have}-"
            if validator:
                headers["If-Range"] = validator
        request = urllib.request.Request(self.part.url, headers=headers)
        return urllib.request.build_opener(redirects).open(request, timeout=self.manners.timeout)

    def _begin(self, response: Any) -> int | None:
        """Continue the part or start it anew; return the total size announced."""
        if response.status == 206:
            span = re.match(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
            if not span or int(span[1]) != self.part.size():
                self.part.forget()
                raise RetryError("the server sent another range than asked for")
            if not self.part.continues(response.headers):  # it ought to heed If-Range
                self.part.forget()
                raise RetryError("the server has another version of the file by now")
            return None if span[2] == "*" else int(span[2])
        self.part.begin(response.headers)
        length = response.headers.get("Content-Length", "")
        return int(length) if length.isdigit() else None

    def _refused(self, error: urllib.error.HTTPError) -> str | None:
        if error.code == 416:  # the part is whole already, or not of this file
            total = re.match(r"bytes \*/(\d+)", error.headers.get("Content-Range", ""))
            if total and int(total[1]) == self.part.size():
                return None
            self.part.forget()
            raise RetryError("the server does not know the rest of the part") from error
        if error.code in RETRY_STATUS:
            raise RetryError(f"HTTP {error.code}", retry_after(error.headers)) from error
        raise AgileError(
            f"{self.host} answers HTTP {error.code} for {self.name}; the file may have moved: "
            f"give --mirror URL, or fetch it by hand and use --data NAME:PATH."
        ) from error
