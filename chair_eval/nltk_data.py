"""Where NLTK's data lies, without importing NLTK; and how to fetch it."""

import os
import sys
import zipfile
from pathlib import Path

from chair_eval.errors import ChairError

TAGGER = "taggers/averaged_perceptron_tagger_eng"
WORDNET = "corpora/wordnet"
PACKAGES = ("averaged_perceptron_tagger_eng", "wordnet")


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
            except (KeyError, zipfile.BadZipFile) as error:
                raise ChairError(f"{packed} is damaged ({error}); run: chair-eval setup") from error
    raise ChairError(
        f"the wordnet dialect needs NLTK's {Path(name).name}, not found in "
        f"{', '.join(map(str, folders[:3]))} …; run 'chair-eval setup' once, set NLTK_DATA or "
        "pass --nltk-data, or use the pattern dialect (--preset rohrbach2018), which needs no data"
    )


def missing_packages(first: str | Path | None = None) -> list[str]:
    """Return the names of NLTK packages that the wordnet dialect needs and that are not found."""
    missing = []
    for package, (name, file_name) in zip(
        PACKAGES,
        ((TAGGER, "averaged_perceptron_tagger_eng.classes.json"), (WORDNET, "noun.exc")),
        strict=True,
    ):
        try:
            read_resource(name, file_name, first)
        except ChairError:
            missing.append(package)
    return missing


def fetch(folder: Path | None = None) -> Path:
    """Download what is missing with NLTK's own downloader; returns the folder.

    Raises
    ------
    ChairError
        NLTK is not installed, or the download failed (no network, no permission).
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
    target.mkdir(parents=True, exist_ok=True)
    for package in missing:
        try:
            done = nltk.download(package, download_dir=str(target), quiet=True)
        except (OSError, ValueError) as error:
            raise ChairError(f"downloading {package} failed: {error}") from error
        if not done:
            raise ChairError(
                f"downloading {package} to {target} failed (no network?); copy the NLTK packages "
                f"{', '.join(PACKAGES)} there by hand, or set NLTK_DATA to a folder that has them"
            )
    return target
