"""Where measurements go: a CSV per benchmark and device, and how it came to be."""

import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis import provenance
from analysis.files import write_text

if TYPE_CHECKING:
    import pandas as pd

FOLDER = Path("data/bench")
log = logging.getLogger(__name__)


def write_tables(tables: Iterator["pd.DataFrame"], path: Path) -> "pd.DataFrame":
    """Write every state of a growing table; Ctrl-C ends the run with what is written.

    Parameters
    ----------
    tables
        The table so far, again and again.
    path
        Name of the CSV; see `write_table`.

    Returns
    -------
    DataFrame
        The last one.
    """
    frame = None
    try:
        for frame in tables:
            write_table(frame, path, benchmark=path.stem)
    except KeyboardInterrupt:
        if frame is None:
            raise
        log.warning("interrupted after %d rows; they are written.", len(frame))
    if frame is None:
        raise ValueError("tables must hold at least one table, got none")
    return frame


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
    write_text(path, frame.to_csv(index=False, float_format="%.6g"))
    block = provenance.block(**facts)
    write_text(path.with_suffix(".json"), json.dumps(block, indent=2) + "\n")
    return path


def as_command(name: str) -> None:
    """Run ``agile bench NAME`` with the arguments that ``python -m`` was given."""
    from analysis.cli import main

    sys.argv = ["agile", "bench", name, *sys.argv[1:]]
    main()
