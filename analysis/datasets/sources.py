"""The data sets that can be fetched: `sources.yaml`, and COCO's single images by their ids."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from analysis.datasets.coco_chair import IDS_FILE, coco_file_name, read_ids
from analysis.registry import Registry

HUB = "https://huggingface.co"


@dataclass(frozen=True)
class RemoteFile:
    """One file of a source.

    Attributes
    ----------
    path
        Where it is below the source's address or in its repository, and goes below the folder.
    checksums
        Known digests, ``{"md5": hex}``; all of them are checked.
    size
        Bytes, where known.
    members
        For an archive: the files to unpack, each to its own path; the archive is then removed.
    """

    path: str
    checksums: Mapping[str, str] = field(default_factory=dict)
    size: int | None = None
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """Everything needed to fetch one data set.

    Attributes
    ----------
    name
        Name of the data set, as in ``--data NAME:PATH``.
    revision
        Commit or release that is fetched.
    files
        What is fetched.
    summary, license
        One line each, for ``agile data ls``.
    base
        Scheme and host; a mirror takes its place.
    repository
        Data set repository of a hub; empty for files that any web server serves.
    """

    name: str
    revision: str
    files: tuple[RemoteFile, ...]
    summary: str = ""
    license: str = ""
    base: str = HUB
    repository: str = ""


def all_sources() -> Registry[Source]:
    """Return every source by name, in a fixed order."""
    table = yaml.safe_load(Path(__file__).with_name("sources.yaml").read_text(encoding="utf-8"))
    sources: Registry[Source] = Registry("downloadable data set")
    for name, entry in table.items():
        rows = [{**row, "members": tuple(row.get("members", ()))} for row in entry.pop("files")]
        source = Source(name, files=tuple(RemoteFile(**row) for row in rows), **entry)
        if name == "coco-chair":
            images = (f"val2014/{coco_file_name(number)}" for number in read_ids(IDS_FILE))
            files = (*source.files, *(RemoteFile(path) for path in images))
            source = replace(source, files=files)
        sources.register(name)(source)
    return sources


def find_source(name: str) -> Source:
    """Return the source of a data set.

    Raises
    ------
    UsageError
        If there is nothing to download under that name.
    """
    return all_sources().get(name)
