"""Check published CHAIR tables: ``python -m chair_eval.published FOLDER``.

FOLDER holds the released captions (``dev/captions/*.jsonl``) and the ground truth
(``ground_truth/ground_truth.parquet``); the printed numbers are in ``data/published.csv``: OPERA
(arXiv 2311.17911, Table 1, 512 tokens) and POPE (arXiv 2305.10355, its CHAIR table, where Len is
the number of pieces between blanks).
"""

import csv
from functools import cache, partial
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from chair_eval.errors import ChairError
from chair_eval.facts import read_fact
from chair_eval.ground_truth import GroundTruth
from chair_eval.matcher import Matcher
from chair_eval.presets import PRESETS
from chair_eval.readers import read_captions
from chair_eval.scoring import score
from chair_eval.tables import shown

COLUMNS = ("chair_s", "chair_i", "len_space")


class Row(NamedTuple):
    """One printed number beside ours, both as text with the printed decimal."""

    table: str
    file: str
    preset: str
    metric: str
    printed: str
    ours: str
    note: str


def published_rows(folder: Path, nltk_data: Path | None = None) -> list[Row]:
    """Score every file of the published tables and set the numbers side by side.

    Raises
    ------
    ChairError
        A file of `folder` is missing, or the data of the wordnet dialect.
    """
    truth = cache(partial(GroundTruth.read, folder / "ground_truth" / "ground_truth.parquet"))
    matcher = cache(lambda dialect: Matcher(dialect=dialect, nltk_data=nltk_data))
    rows = []
    for entry in csv.DictReader(read_fact("published.csv").splitlines()):
        table, name, preset = entry["table"], entry["file"], entry["preset"]
        dialect, flavour = PRESETS[preset]
        captions = read_captions(folder / "dev" / "captions" / f"{name}.jsonl")
        metrics = score(captions, truth(flavour), matcher=matcher(dialect), draws=0).metrics
        for metric in (metric for metric in COLUMNS if entry[metric]):
            note = entry["note"] if metric == "chair_i" else ""
            ours = shown(metric, metrics[metric])
            rows.append(Row(table, name, preset, metric, entry[metric], ours, note))
    return rows


def main(
    folder: Annotated[Path, typer.Argument(help="Folder with dev/captions and ground_truth.")],
    nltk_data: Annotated[Path | None, typer.Option(help="Folder with NLTK data.")] = None,
) -> None:
    """Print the published CHAIR numbers beside ours, at the printed decimal."""
    beside = folder.parent / "nltk_data"
    if nltk_data is None and beside.is_dir():
        nltk_data = beside
    try:
        rows = published_rows(folder, nltk_data)
    except ChairError as error:
        typer.echo(f"published: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{'table':<7}{'captions':<32}{'preset':<14}{'metric':<11}{'printed':>7}{'ours':>7}")
    for row in rows:
        mark = "" if row.printed == row.ours else "  ≠"
        typer.echo(
            f"{row.table:<7}{row.file:<32}{row.preset:<14}{row.metric:<11}"
            f"{row.printed:>7}{row.ours:>7}{mark}"
        )
    equal = sum(row.printed == row.ours for row in rows)
    typer.echo(f"{equal} of {len(rows)} equal at the printed decimal")
    for row in rows:
        if row.printed != row.ours:
            typer.echo(f"≠ {row.file}: {row.note or 'not explained'}")


if __name__ == "__main__":
    typer.run(main)
