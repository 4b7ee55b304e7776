"""The layout shared by tables of methods: one row a variant, one column a measure."""

from collections.abc import Sequence

import pandas as pd

from analysis.catalogue import family, look
from analysis.figures.base import Drawn
from analysis.figures.inputs import Inputs
from analysis.figures.latex import booktabs, cell, escape
from analysis.figures.panels import available, variant_scores
from analysis.stats.estimate import records
from analysis.stats.paired import compare
from analysis.stats.ratios import RATIOS
from chair_eval.bootstrap import Bootstrap

TITLES = {
    "CHAIR_s": r"CHAIR$_s$ $\downarrow$",
    "CHAIR_i": r"CHAIR$_i$ $\downarrow$",
    "recall": r"Recall $\uparrow$",
    "length": "Length",
    "accuracy": r"Accuracy $\uparrow$",
    "F1": r"F$_1$ $\uparrow$",
    "POPE": r"POPE F$_1$ $\uparrow$",
    "accuracy_plus": r"Accuracy+ $\uparrow$",
    "MME": r"MME $\uparrow$",
    "MME_perception": r"MME perc. $\uparrow$",
    "MME_cognition": r"MME cogn. $\uparrow$",
    "ScienceQA": r"ScienceQA $\uparrow$",
    "erank": "kept erank",
    "attention_mean": "mean attention",
    "attention_mass": r"attention kept (\%)",
    "n_out": "tokens",
}
# Mean attention of a token is a few thousandths; MME counts to 2800.
DIGITS = {"attention_mean": 4, "MME": 0, "MME_perception": 0, "MME_cognition": 0}
NOTE = (
    "bootstrap intervals over images. Bold: better than every other method of the budget on the "
    "same images, each paired interval without 0."
)


def clear_best(
    units: pd.DataFrame, found: pd.DataFrame, variants: Sequence[str], boot: Bootstrap
) -> set[tuple[str, str]]:
    """Return (measure, variant) that beat every other variant of their budget.

    Beating means: the paired difference on the same images has an interval without 0. A best
    value that fails this against any rival is not marked.
    """
    keeps = units[["variant", "keep"]].drop_duplicates().set_index("variant")["keep"]
    best = set()
    for measure in dict.fromkeys(found["measure"]):
        better = RATIOS[measure].better
        if not better:
            continue
        own = found[found["measure"] == measure].set_index("group")["estimate"] * better
        own = own[own.index.isin(list(variants))].dropna()
        for _, group in own.groupby(keeps.reindex(own.index)):
            if len(group) < 2:
                continue
            winner = str(group.idxmax())
            rivals = [(winner, str(name)) for name in group.index if name != winner]
            gaps = compare(units, [measure], rivals, boot)
            if ((gaps["low"] * better > 0) & (gaps["high"] * better > 0)).all():
                best.add((measure, winner))
    return best


def methods_latex(
    found: pd.DataFrame,
    variants: pd.DataFrame,
    measures: Sequence[str],
    titles: Sequence[str],
    best: set[tuple[str, str]],
    digits: int = 1,
) -> str:
    """Lay estimates out as LaTeX, variants grouped by budget.

    Parameters
    ----------
    found
        Estimates whose ``group`` is the variant.
    variants
        Rows ``variant, pruner, keep`` in the order of the table.
    measures, titles
        Columns and their LaTeX titles.
    best
        Cells to print bold, from `clear_best`.
    digits
        Decimals.
    """
    cells = {(row["measure"], row["group"]): row for row in records(found)}
    rows, rules = [], []
    last = None
    for row in records(variants):
        if last is not None and row["keep"] != last:
            rules.append(len(rows))
        last = row["keep"]
        line = [
            escape(look(row["variant"]).label),
            escape(family(row["variant"])),
            str(row["keep"]),
        ]
        for measure in measures:
            key = (measure, row["variant"])
            line.append(
                cell(cells[key], DIGITS.get(measure, digits), bold=key in best)
                if key in cells
                else "---"
            )
        rows.append(line)
    header = ["method", "family", "kept", *titles]
    return booktabs(header, rows, rules_before=rules)


def methods_table(
    inputs: Inputs, variants: Sequence[str], measures: Sequence[str], lead: str
) -> Drawn:
    """Estimate measures for variants and lay them out.

    Parameters
    ----------
    inputs
        The run.
    variants
        Rows, in order.
    measures
        Columns; those the run lacks are left out.
    lead
        First sentence of the caption.

    Returns
    -------
    Drawn
        A table whose CSV holds every estimate and a column ``clear_best``.
    """
    units = inputs.units[inputs.units["variant"].isin(list(variants))]
    found = variant_scores(inputs, variants, available(inputs, measures))
    pruned = [name for name in variants if name != "full"]
    best = clear_best(units, found, pruned, inputs.boot)
    keys = zip(found["measure"], found["group"], strict=True)
    found["clear_best"] = [key in best for key in keys]
    table = inputs.variants.set_index("variant").loc[list(variants)].reset_index()
    shown = list(dict.fromkeys(found["measure"]))
    titles = [TITLES.get(name, escape(name)) for name in shown]
    latex = methods_latex(found, table, shown, titles, best)
    count = int(found["n"].max()) if len(found) else 0
    return Drawn(None, {"": found}, f"{lead} {count:,} images; {NOTE}", latex)
