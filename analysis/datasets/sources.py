"""Where each data set lives, as data: addresses, pinned revisions, sizes and checksums.

Checksums are given only where they are published facts (COCO's archives). Hub files are pinned
by commit and checked against the SHA-256 that the hub declares when it serves them; COCO's
single images against the MD5 their server declares. What was received is recorded in the
manifest beside the files and compared by ``agile data verify``.
"""

from dataclasses import dataclass

from analysis.datasets.coco_chair import ANNOTATIONS, IDS_FILE, coco_file_name, read_ids
from analysis.registry import Registry

HUB = "https://huggingface.co"
#: COCO's own host has no certificate for its name, so its documented addresses are plain http.
COCO = "http://images.cocodataset.org"


@dataclass(frozen=True)
class RemoteFile:
    """One file of a source.

    Attributes
    ----------
    address
        Path below the source's base address.
    path
        Where it goes below the target folder.
    checksums
        Known digests as ``("md5", hex)`` pairs; all of them are checked.
    size
        Bytes, where known.
    members
        For an archive: the files to unpack, each to its own path; the archive is then removed.
    """

    address: str
    path: str
    checksums: tuple[tuple[str, str], ...] = ()
    size: int | None = None
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """Everything needed to fetch one data set.

    Attributes
    ----------
    name
        Name of the data set, as in ``--data NAME:PATH``.
    base
        Scheme and host; a mirror takes its place.
    revision
        Commit or release that the addresses pin.
    files
        What is fetched.
    summary, license
        One line each, for ``agile data ls``.
    """

    name: str
    base: str
    revision: str
    files: tuple[RemoteFile, ...]
    summary: str
    license: str


SOURCES: Registry[Source] = Registry("downloadable data set")


def _hub(repository: str, revision: str, paths: tuple[str, ...]) -> tuple[RemoteFile, ...]:
    prefix = f"/datasets/{repository}/resolve/{revision}"
    return tuple(RemoteFile(f"{prefix}/{path}", path) for path in paths)


def _coco_files() -> tuple[RemoteFile, ...]:
    names = [coco_file_name(number) for number in read_ids(IDS_FILE)]
    images = [RemoteFile(f"/val2014/{name}", f"val2014/{name}") for name in names]
    archive = RemoteFile(
        address="/annotations/annotations_trainval2014.zip",
        path="annotations_trainval2014.zip",
        checksums=(
            ("md5", "0a379cfc70b0e71301e0f377548639bd"),
            ("sha1", "8e0b9df54c175f1688400e98d1a97f292e726870"),
        ),
        size=252_872_794,
        members=tuple(f"annotations/{name}" for name in ANNOTATIONS),
    )
    return (archive, *images)


def find_source(name: str) -> Source:
    """Return the source of a data set.

    Raises
    ------
    UsageError
        If there is nothing to download under that name.
    """
    if not SOURCES.names():
        _fill()
    return SOURCES.get(name)


def all_sources() -> list[Source]:
    """Return every source, in a fixed order."""
    if not SOURCES.names():
        _fill()
    return [SOURCES.get(name) for name in SOURCES.names()]


def _fill() -> None:
    """Build the table on first use: it reads the list of COCO ids."""
    for source in (
        Source(
            "coco-chair",
            COCO,
            "COCO 2014",
            _coco_files(),
            "500 val2014 images for captions and CHAIR, with instances and captions",
            "annotations CC BY 4.0; images under Flickr's terms",
        ),
        Source(
            "pope",
            HUB,
            "4db1276663dfa5eb8ad16a52d24c31a09e470896",
            _hub(
                "lmms-lab/POPE",
                "4db1276663dfa5eb8ad16a52d24c31a09e470896",
                tuple(
                    f"Full/{split}-00000-of-00001.parquet"
                    for split in ("random", "popular", "adversarial")
                ),
            ),
            "9,000 yes/no questions on 500 images: random, popular, adversarial",
            "MIT (questions); images under Flickr's terms",
        ),
        Source(
            "mme",
            HUB,
            "d6c9023f017b564f7b3ccccf5348166bce8fdbcd",
            _hub(
                "lmms-lab/MME",
                "d6c9023f017b564f7b3ccccf5348166bce8fdbcd",
                (
                    "data/test-00000-of-00004-a25dbe3b44c4fda6.parquet",
                    "data/test-00001-of-00004-7d22c7f1aba6fca4.parquet",
                    "data/test-00002-of-00004-594798fd3f5b029c.parquet",
                    "data/test-00003-of-00004-53ae1794f93b1e35.parquet",
                ),
            ),
            "2,374 yes/no questions on 1,187 images in 14 subtasks",
            "research only, see the MME release",
        ),
        Source(
            "scienceqa-img",
            HUB,
            "f18b0a70359ebfb41f658fd564208d0355b013f4",
            _hub(
                "derek-thomas/ScienceQA",
                "f18b0a70359ebfb41f658fd564208d0355b013f4",
                ("data/test-00000-of-00001-f0e719df791966ff.parquet",),
            ),
            "2,017 multiple-choice questions with an image (test split)",
            "CC BY-NC-SA 4.0",
        ),
    ):
        SOURCES.register(source.name)(source)
