"""Kept erank and CHAIR over method means: the tables of the paper beside this run."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from analysis.catalogue import look
from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs, MissingInput
from analysis.figures.latex import booktabs, escape
from analysis.figures.published import published, published_folder
from analysis.figures.wording import number
from analysis.stats.estimate import estimates, records, row
from analysis.stats.method_level import MethodLevel, method_level
from analysis.stats.ratios import present, summarise
from chair_eval.bootstrap import Interval

_OUTCOMES = ("CHAIR_i", "CHAIR_s", "recall", "length")


@recipe("kept", place=440, kind="table")
def method_correlations(inputs: Inputs) -> Drawn:
    """One row a source and outcome, with exact permutation p and leave-one-out range."""
    found = estimates([*published_rows(), *own_rows(inputs)])
    lines = [
        [
            escape(row["group"]),
            escape(row["outcome"]),
            str(row["n"]),
            number(row["estimate"]),
            number(row["p"], 3),
            f"{number(row['lowest'])} to {number(row['highest'])}",
            escape(row["lowest_without"] or "---"),
        ]
        for row in records(found)
    ]
    header = ["source", "outcome", "methods", "$r$", "exact $p$", "leave one out", "lowest without"]
    return Drawn(None, {"": found}, caption(found), booktabs(header, lines))


def published_rows() -> Iterator[dict[str, Any]]:
    """Yield the correlations that the paper's own printed means give.

    Table 3 prints erank and CHAIR of four attention shares; Tables 1 and 2 have three methods in
    common, whose eranks are of POPE and whose CHAIR is of COCO.
    """
    numbers = published(published_folder())
    here = (numbers["model"] == "LLaVA-1.5-7B") & (numbers["keep"] == "64")
    wide = numbers[here].pivot_table(index=["table", "method"], columns="metric", values="value")
    shares = wide.loc["3"]
    both = wide.loc["2"].drop(columns="erank").join(wide.loc["1"][["erank"]], how="inner")
    for source, table in (("paper, Table 3", shares), ("paper, Tables 1 and 2", both)):
        for outcome in _OUTCOMES:
            yield _row(source, outcome, list(table.index), table["erank"], table[outcome])


def own_rows(inputs: Inputs) -> Iterator[dict[str, Any]]:
    """Yield the correlations over the methods of this run, at every budget."""
    for keep in inputs.keeps:
        chosen = inputs.pruned.loc[inputs.pruned["keep"] == keep, "variant"]
        units = inputs.units[inputs.units["variant"].isin(chosen)]
        outcomes = present(units, _OUTCOMES)
        if not outcomes:
            raise MissingInput(
                f"run {inputs.path.name} has no scored captions; make a run that has with: "
                f"{inputs.command()}-captions --tasks caption."
            )
        means = summarise(units, ["erank", *outcomes], inputs.boot)
        wide = means.pivot_table(index="group", columns="measure", values="estimate")
        names = [look(str(name)).label for name in wide.index]
        for outcome in [name for name in outcomes if name in wide]:
            yield _row(f"this run, {keep} tokens", outcome, names, wide["erank"], wide[outcome])


def _row(source: str, outcome: str, names: list[str], x: pd.Series, y: pd.Series) -> dict[str, Any]:
    """Return an estimate; over methods there is a range leaving one out, but no interval."""
    found: MethodLevel = method_level(names, x.to_numpy(float), y.to_numpy(float))
    none = Interval(found.r, np.nan, np.nan, np.nan, found.p, found.n, "exact pairings of methods")
    extra = {"p": found.p, "lowest": found.low, "highest": found.high}
    left = {"lowest_without": found.low_without, "highest_without": found.high_without}
    return row(f"r(erank, {outcome})", source, none, 0, outcome=outcome, **extra, **left)


def caption(found: pd.DataFrame) -> str:
    """Say what a handful of methods can and cannot show."""
    rate = found[found["outcome"] == "CHAIR_i"]
    said = "; ".join(
        f"{row['group']}: r = {number(row['estimate'])} over {row['n']} methods "
        f"(p = {number(row['p'], 3)}"
        + (
            f", {number(row['lowest'])} to {number(row['highest'])} leaving one out)"
            if np.isfinite(row["lowest"])
            else ")"
        )
        for row in records(rate)
    )
    least = int(rate["n"].min())
    return (
        f"Kept erank with CHAIR_i over method means. {said}. The p-value is the share of all "
        f"pairings of these methods that correlate as strongly: with {least} methods it cannot "
        "fall below 1/n!, and no number of images changes that. A claim that rests on so few "
        "methods is a claim about these methods."
    )
