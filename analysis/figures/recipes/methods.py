"""Tables of methods, one row a variant and one column a measure, as ``methods.yaml`` lists them."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from analysis.catalogue import family, look
from analysis.figures.base import FILED, Drawn, Recipe
from analysis.figures.choices import at_budget
from analysis.figures.inputs import Inputs
from analysis.figures.latex import booktabs, cells, escape
from analysis.figures.panels import ALL_SCORES, available, variant_scores
from analysis.figures.sweeps import adaptive_counts, constant_taus, rules, shares
from analysis.figures.wording import interval
from analysis.stats.best import clear_best
from analysis.stats.estimate import records

LISTED: dict[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text("utf-8"))
# What a table can name as rows besides pruners at the main budget.
ROWS: dict[str, Callable[[Inputs], Iterable[str]]] = {
    "everything": lambda inputs: [*inputs.unpruned, *inputs.pruned["variant"]],
    "shares": shares,
    "ends": lambda inputs: [
        inputs.variant(spec) for spec in ("fastervlm", "divprune") if len(inputs.sweep(spec))
    ],
    "rules": lambda inputs: rules(inputs).values(),
    "constant_taus": constant_taus,
    "adaptive_count": lambda inputs: adaptive_counts(inputs)[:1],
}
# What the first sentence of a caption can name.
_FACTS: dict[str, Callable[[Inputs, pd.DataFrame], str]] = {
    "data": lambda inputs, _: inputs.data,
    "shares": lambda inputs, _: ", ".join(f"{share:g}" for share in shares(inputs).values()),
    "extremes": lambda inputs, found: extremes(inputs, found),
}
_NOTE = (
    "bootstrap intervals over images. Bold: better than every other method of the budget on the "
    "same images, each paired interval without 0."
)


def methods_table(
    inputs: Inputs, *, rows: Sequence[str], measures: Sequence[str], lead: str
) -> Drawn:
    """Estimate measures for variants and lay them out.

    Parameters
    ----------
    inputs
        The run.
    rows
        Keys of `ROWS`, or specs of pruners, in order; a variant named twice is one row.
    measures
        Columns, ``scores`` standing for all scores; those the run lacks are left out.
    lead
        First sentence of the caption.

    Returns
    -------
    Drawn
        A table whose CSV holds every estimate and a column ``clear_best``.
    """
    named = [ROWS[row](inputs) if row in ROWS else [inputs.variant(row)] for row in rows]
    variants = list(dict.fromkeys(name for names in named for name in names))
    wanted = [name for each in measures for name in (ALL_SCORES if each == "scores" else [each])]
    units = inputs.units[inputs.units["variant"].isin(variants)]
    found = variant_scores(inputs, variants, available(inputs, wanted))
    best = clear_best(units, found, inputs.boot)
    keys = zip(found["measure"], found["group"], strict=True)
    found["clear_best"] = [key in best for key in keys]
    table = inputs.variants.set_index("variant").loc[variants].reset_index()
    for name, tell in _FACTS.items():
        lead = lead.replace(f"{{{name}}}", tell(inputs, found)) if f"{{{name}}}" in lead else lead
    count = int(found["n"].max()) if len(found) else 0
    return Drawn(None, {"": found}, f"{lead} {count:,} images; {_NOTE}", latex(found, table))


def latex(found: pd.DataFrame, variants: pd.DataFrame) -> str:
    """Lay estimates out as LaTeX, variants (``variant, pruner, keep``) grouped by budget."""
    text = cells(found, ["measure", "group"], LISTED["digits"])
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
    rules_before = [place for place in range(1, len(keeps)) if keeps[place] != keeps[place - 1]]
    titles = [LISTED["titles"].get(name, escape(name)) for name in measures]
    return booktabs(["method", "family", "kept", *titles], rows, rules_before=rules_before)


def extremes(inputs: Inputs, found: pd.DataFrame) -> str:
    """Say whose CHAIR_i is lowest and highest at the main budget."""
    chosen = found["group"].isin(at_budget(inputs))
    rates = found[(found["measure"] == "CHAIR_i") & chosen].sort_values("estimate", kind="stable")
    least, most = records(rates)[0], records(rates)[-1]
    return (
        f"At {inputs.main_keep} of {inputs.n_tokens} tokens CHAIR_i is lowest for "
        f"{look(least['group']).label}, {interval(least, 1)}, and highest for "
        f"{look(most['group']).label}, {interval(most, 1)};"
    )


for _name, _table in LISTED["tables"].items():
    _about = {key: _table.pop(key) for key in ("shows", "place")}
    _needs = tuple(_table.pop("needs"))
    _draw = partial(methods_table, **_table)
    FILED.append(Recipe(_name, needs=_needs, draw=_draw, kind="table", **_about))
