"""One file from the hub or from any web server, and what its failure means."""

import errno
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pooch

from analysis import __version__
from analysis.datasets.sources import Source
from analysis.errors import AgileError

#: Longest pause in seconds; a server that asks for more ends the download.
LONGEST_WAIT = 300.0
#: Answers after which another attempt may succeed.
RETRY_STATUS = frozenset({408, 416, 425, 429, 500, 502, 503, 504})
_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EFBIG})


@dataclass(frozen=True)
class Refusal:
    """Why an attempt failed.

    Attributes
    ----------
    reason
        In few words.
    final
        Whether the server will answer the same again.
    disk
        Whether the fault is on this side.
    after
        Seconds the server asks to wait, if it does.
    """

    reason: str
    final: bool = False
    disk: bool = False
    after: float | None = None


def refusal(error: BaseException) -> Refusal:
    """Read what a library raised: the status of an answer, a full disk, a broken connection."""
    chain = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(cause)
    for one in chain:
        response: Any = getattr(one, "response", None)
        if (status := getattr(response, "status_code", None)) is not None:
            after = response.headers.get("Retry-After", "")
            seconds = float(after) if after.isdigit() else None
            return Refusal(f"HTTP {status}", status not in RETRY_STATUS, after=seconds)
        if isinstance(one, OSError) and one.errno in _DISK:
            return Refusal(str(one.strerror), disk=True)
    root = next((one for one in chain if str(one)), error)
    text = " ".join(str(root).split())
    return Refusal(f"connection failed: {text[:200] or type(root).__name__}")


def from_hub(
    source: Source, path: str, folder: Path, endpoint: str | None, timeout: float
) -> tuple[str, str | None, int | None]:
    """Get one file of a hub repository; a broken download is continued by the library.

    Returns
    -------
    tuple
        Address, the SHA-256 the hub declares (None for small files without one), and bytes.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url

    where = {"repo_type": "dataset", "revision": source.revision, "endpoint": endpoint}
    url = hf_hub_url(source.repository, path, **where)
    known = get_hf_file_metadata(url, timeout=timeout, endpoint=endpoint)
    hf_hub_download(source.repository, path, local_dir=folder, etag_timeout=timeout, **where)
    declared = known.etag if re.fullmatch(r"[0-9a-f]{64}", known.etag or "") else None
    return str(url), declared, known.size


def from_web(url: str, target: Path, part: Path, resume: bool, timeout: float) -> str | None:
    """Get one file from any server.

    Parameters
    ----------
    url
        http or https address.
    target
        Final path.
    part
        What has arrived so far; kept when the connection breaks.
    resume
        Whether to go on with a part: only where a checksum is known that will judge the whole.

    Returns
    -------
    str or None
        The MD5 that an S3 server declares for objects in one part.
    """
    target.unlink(missing_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    if not resume:
        part.unlink(missing_ok=True)
    download = _Continued(part, timeout)
    pooch.retrieve(url, None, target.name, target.parent, downloader=download)
    return download.declared


class _Continued(pooch.HTTPDownloader):
    """pooch's downloader, going on where an earlier attempt stopped and reading digests."""

    def __init__(self, part: Path, timeout: float) -> None:
        self.part = part
        self.declared: str | None = None
        have = part.stat().st_size if part.exists() else 0
        headers = {
            "User-Agent": f"agilepruner-analysis/{__version__}",
            "Accept-Encoding": "identity",
            **({"Range": f"bytes={have}-"} if have else {}),
        }
        super().__init__(
            progressbar=sys.stderr.isatty(),
            chunk_size=1 << 16,
            headers=headers,
            timeout=timeout,
            hooks={"response": self._look},
        )

    def __call__(self, url: str, output_file: str, pooch: Any, check_only: bool = False) -> None:
        """Add to the part what is missing, then give it the name pooch wants."""
        with self.part.open("ab") as self._stream:
            super().__call__(url, self._stream, pooch, check_only)
        os.replace(self.part, output_file)

    def _look(self, response: Any, **_: Any) -> None:
        """Refuse a way out of https, start anew where ranges are ignored, note digests."""
        target = urlsplit(urljoin(response.url, response.headers.get("Location", "")))
        allowed = ("https",) if response.url.startswith("https:") else ("https", "http")
        if response.is_redirect and target.scheme not in allowed:
            raise AgileError(
                f"{response.url.split('/')[2]} redirects to an address that is not "
                f"{' or '.join(allowed)} ({target.scheme}); give another --mirror URL."
            )
        if response.status_code in (200, 416):
            self._stream.truncate(0)
        md5 = re.fullmatch(r'"([0-9a-f]{32})"', response.headers.get("ETag", ""))
        if md5 and "S3" in response.headers.get("Server", ""):
            self.declared = md5[1]
