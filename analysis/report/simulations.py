"""Tables of simulated studies as Markdown, put into a page between two marks."""

from pathlib import Path
from typing import Any

import pandas as pd

from analysis.errors import UsageError
from analysis.files import write_text
from analysis.stats.verdicts import VERDICTS

# What the page holds around a table: <!-- simulated NAME --> and <!-- end NAME -->.
_MARKS = ("<!-- simulated {} -->", "<!-- end {} -->")


def verdict_table(frame: pd.DataFrame) -> str:
    """Return the table of `analysis.stats.simulation.power.rates`: percent of the studies."""
    shown = [name for name in VERDICTS if (frame[name] > 0).any()]
    lines = [
        [row["truth"], row["claim"], row["simulations"], *(_percent(row[name]) for name in shown),
         row["goal"], _reached(row)]
        for row in frame.to_dict("records")
        if row["goal"] or row["truth"] == "half"
    ]  # fmt: skip
    first = frame.iloc[0]
    return (
        f"{first['n_images']} images, {first['questions']} questions an image, "
        f"{first['n_resamples']:,} resamples, seed {first['seed']}; percent of the studies.\n\n"
        + _markdown(["truth", "claim", "studies", *shown, "goal", "reached"], lines)
    )


def _reached(row: dict[Any, Any]) -> str:
    """Return what was reached of a goal, and whether it was met."""
    if not row["goal"]:
        return ""
    met = "" if row["met"] == "yes" else ", **missed**"
    return f"{100 * float(row['reached']):.1f} %{met}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}" if share else "0"


def coverage_table(frame: pd.DataFrame) -> str:
    """Return the table of `analysis.stats.simulation.coverage.covered`: a column per size."""
    sizes = sorted(frame["n_images"].unique())
    cells = {(row["interval"], row["n_images"]): row for row in frame.to_dict("records")}
    lines = [
        [name, *(_cell(cells[name, size]) if (name, size) in cells else "" for size in sizes)]
        for name in dict.fromkeys(frame["interval"])
    ]
    first, counts = frame.iloc[0], frame["simulations"]
    return (
        f"At least {counts.min():,} samples; {first['n_resamples']:,} resamples, "
        f"seed {first['seed']}. Share of the 95 % intervals that hold the true value (standard "
        "error).\n\n" + _markdown(["interval", *(f"n = {size:,}" for size in sizes)], lines)
    )


def _cell(row: dict[Any, Any]) -> str:
    """Return one coverage, with what is wrong with it."""
    if row["covered"] == "":
        return "no limits"
    text = f"{float(row['covered']):.3f} ({float(row['error']):.3f})"
    few = float(row["defined"]) < 0.995
    text += f", limits in {100 * float(row['defined']):.0f} %" if few else ""
    return f"{text}, {row['verdict']}" if row["verdict"] else text


def _markdown(head: list[str], lines: list[list[str]]) -> str:
    """Return a Markdown table."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)


def renewed(before: pd.DataFrame, now: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Return the old rows whose keys are not among the new ones, and the new ones, in old order."""
    if before.empty:
        return now
    both = pd.concat([before, now], ignore_index=True)
    order = both.drop_duplicates(keys, keep="first")[keys]
    return order.merge(both.drop_duplicates(keys, keep="last"), on=keys, how="left")


def fill(page: Path, name: str, text: str) -> None:
    """Put a text between the two marks of a page.

    Raises
    ------
    UsageError
        If the page cannot be read or has no such marks.
    """
    start, end = (mark.format(name) for mark in _MARKS)
    try:
        before, _, rest = page.read_text(encoding="utf-8").partition(start)
    except OSError as error:
        raise UsageError(f"{page} cannot be read ({error}).") from error
    _, found, after = rest.partition(end)
    if not found:
        raise UsageError(f"{page} has no place for {name}: the lines {start} and {end}.")
    write_text(page, f"{before}{start}\n{text}\n{end}{after}")
