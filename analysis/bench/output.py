"""Where measurements go: a CSV per benchmark and device, and how it came to be."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis import provenance

if TYPE_CHECKING:
    import pandas as pd

FOLDER = Path("data/bench")


def write_table(frame: "pd.DataFrame", path: Path, **facts: Any) -> Path:
    """Write a table and, beside it, ``<name>.json`` with its provenance.

    Parameters
    ----------
    frame
        The measurements.
    path
        Name of the CSV; its folder is made.
    **facts
        What the provenance block shall say besides versions and command.

    Returns
    -------
    Path
        The CSV.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(path, index=False, float_format="%.6g")
    block = provenance.block(**facts)
    path.with_suffix(".json").write_text(json.dumps(block, indent=2) + "\n", encoding="utf-8")
    return path
