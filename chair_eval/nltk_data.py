"""Where NLTK's data lies, without importing NLTK; and how to fetch it."""

import io
import json
import os
import sys
import zipfile
import zlib
from pathlib import Path

from chair_eval.errors import ChairError

TAGGER = "taggers/averaged_perceptron_tagger_eng"
WORDNET = "corpora/wordnet"
PACKAGES = ("averaged_perceptron_tagger_eng", "wordnet")
PARTS = ("noun", "verb", "adj", "adv")
# Every file that is read, by resource, in the order of PACKAGES.
NEEDED = {
    TAGGER: tuple(
        f"averaged_perceptron_tagger_eng.{name}.json" for name in ("classes", "tagdict", "weights")
    ),
    WORDNET: (*(f"index.{part}" for part in PARTS), *(f"{part}.exc" for part in PARTS)),
}


def search_path(first: str | Path | None = None) -> list[Path]:
    """Folders that are searched, in order: `first`, ``NLTK_DATA``, then NLTK's usual places."""
    folders = [Path(first)] if first else []
    folders += [Path(p) for p in os.environ.get("NLTK_DATA", "").split(os.pathsep) if p]
    folders.append(Path.home() / "nltk_data")
    folders += [
        Path(sys.prefix, *parts)
        for parts in (("nltk_data",), ("share", "nltk_data"), ("lib", "nltk_data"))
    ]
    if os.name != "nt":
        folders += [
            Path("/usr", *parts, "nltk_data")
            for parts in (("share",), ("local", "share"), ("lib",), ("local", "lib"))
        ]
    return folders


def read_resource(name: str, file_name: str, first: str | Path | None = None) -> bytes:
    """Content of one file of a resource, from its folder or from its zip file.

    Parameters
    ----------
    name : str
        For example ``corpora/wordnet``.
    file_name : str
        A file in it.

    Raises
    ------
    ChairError
        Nowhere found; the message names the places and the command that fetches it.
    """
    folders = search_path(first)
    for folder in folders:
        plain = folder / name / file_name
        if plain.is_file():
            return plain.read_bytes()
        packed = folder / f"{name}.zip"
        if packed.is_file():
            inside = f"{Path(name).name}/{file_name}"
            try:
                with zipfile.ZipFile(packed) as archive:
                    return archive.read(inside)
            except (KeyError, zipfile.BadZipFile, zlib.error, EOFError) as error:
                raise ChairError(f"{packed} is damaged ({error}); run: chair-eval setup") from error
    raise ChairError(
        f"the wordnet dialect needs NLTK's {Path(name).name}, not found in "
        f"{', '.join(map(str, folders[:3]))} …; run 'chair-eval setup' once, set NLTK_DATA or "
        "pass --nltk-data, or use the pattern dialect (--preset rohrbach2018), which needs no data"
    )


def missing_packages(first: str | Path | None = None) -> list[str]:
    """Names of NLTK packages that the wordnet dialect needs and that are not found, or damaged.

    Every file that the dialect reads is read, those in JSON to their end.
    """
    missing = []
    for package, (name, file_names) in zip(PACKAGES, NEEDED.items(), strict=True):
        try:
            for file_name in file_names:
                content = read_resource(name, file_name, first)
                if file_name.endswith(".json"):
                    json.loads(content)
        except (ChairError, ValueError):
            missing.append(package)
    return missing


def fetch(folder: Path | None = None) -> Path:
    """Download what is missing or damaged with NLTK's own downloader; returns the folder.

    Raises
    ------
    ChairError
        NLTK is not installed, the download failed (no network, no permission, other bytes than
        NLTK's index promises), or what arrived is not usable.
    """
    target = folder or Path(os.environ.get("NLTK_DATA", "").split(os.pathsep)[0] or "~/nltk_data")
    target = target.expanduser()
    missing = missing_packages(folder)
    if not missing:
        return target
    try:
        import nltk
    except ImportError as error:
        raise ChairError("setup needs NLTK: pip install nltk") from error
    for package in missing:
        try:
            target.mkdir(parents=True, exist_ok=True)
            done = nltk.download(
                package,
                download_dir=str(target),
                quiet=True,
                force=True,
                raise_on_error=True,
                print_error_to=io.StringIO(),  # the exception has the same words
            )
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise ChairError(_failed(package, target, " ".join(str(error).split()))) from error
        if not done:
            raise ChairError(_failed(package, target, "no network?"))
    left = missing_packages(folder or target)
    if left:
        raise ChairError(_failed(left[0], target, "what arrived, or an older copy, is damaged"))
    return target


def _failed(package: str, target: Path, why: str) -> str:
    return (
        f"downloading {package} to {target} failed ({why}); copy the NLTK packages "
        f"{', '.join(PACKAGES)} there by hand, or set NLTK_DATA to a folder that has them"
    )
