"""The layout shared by tables of methods: one row a variant, one column a measure."""

from collections.abc import Callable, Sequence

import pandas as pd

from analysis.catalogue import family, look
from analysis.figures.base import Drawn
from analysis.figures.inputs import Inputs
from analysis.figures.latex import booktabs, cells, escape
from analysis.figures.panels import available, variant_scores
from analysis.stats.best import clear_best
from analysis.stats.estimate import records

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


def methods_latex(found: pd.DataFrame, variants: pd.DataFrame) -> str:
    """Lay estimates out as LaTeX, variants grouped by budget.

    Parameters
    ----------
    found
        Estimates whose ``group`` is the variant, with ``clear_best`` for cells to print bold.
    variants
        Rows ``variant, pruner, keep`` in the order of the table.
    """
    text = cells(found, ["measure", "group"], DIGITS)
    measures = list(dict.fromkeys(found["measure"]))
    rows = [
        [
            escape(look(row["variant"]).label),
            escape(family(row["variant"])),
            str(row["keep"]),
            *(text.get((measure, row["variant"]), "---") for measure in measures),
        ]
        for row in records(variants)
    ]
    keeps = variants["keep"].tolist()
    rules = [place for place in range(1, len(keeps)) if keeps[place] != keeps[place - 1]]
    titles = [TITLES.get(name, escape(name)) for name in measures]
    return booktabs(["method", "family", "kept", *titles], rows, rules_before=rules)


def methods_table(
    inputs: Inputs,
    variants: Sequence[str],
    measures: Sequence[str],
    lead: str | Callable[[Inputs, pd.DataFrame], str],
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
        First sentence of the caption, or what computes it from the run and the estimates.

    Returns
    -------
    Drawn
        A table whose CSV holds every estimate and a column ``clear_best``.
    """
    units = inputs.units[inputs.units["variant"].isin(list(variants))]
    found = variant_scores(inputs, variants, available(inputs, measures))
    best = clear_best(units, found, inputs.boot)
    keys = zip(found["measure"], found["group"], strict=True)
    found["clear_best"] = [key in best for key in keys]
    table = inputs.variants.set_index("variant").loc[list(variants)].reset_index()
    count = int(found["n"].max()) if len(found) else 0
    said = lead if isinstance(lead, str) else lead(inputs, found)
    caption = f"{said} {count:,} images; {NOTE}"
    return Drawn(None, {"": found}, caption, methods_latex(found, table))
