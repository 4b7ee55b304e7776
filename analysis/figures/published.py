"""The published numbers that ship with the repository."""

from pathlib import Path

import pandas as pd

import analysis
from analysis.errors import AgileError


def published_folder() -> Path:
    """Return the folder of the published numbers.

    Raises
    ------
    AgileError
        If the package is used outside its repository.
    """
    folder = Path(analysis.__file__).parents[1] / "data" / "published"
    if not folder.is_dir():
        raise AgileError(f"{folder} is not there; run inside a clone of the repository.")
    return folder


def published(folder: Path) -> pd.DataFrame:
    """Read all published numbers; columns as in ``data/published/README.md``."""
    text = {"table": str, "keep": str, "note": str}
    frames = [pd.read_csv(path, dtype=text) for path in sorted(folder.glob("*.csv"))]
    found = pd.concat(frames, ignore_index=True)
    return found.fillna({"keep": "", "note": ""})
