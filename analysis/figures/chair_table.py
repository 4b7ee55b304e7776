"""chair_table: CHAIR, recall and length per method and budget (the paper's Tables 2 and 8)."""

from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs
from analysis.figures.methods_table import clear_best, methods_latex
from analysis.figures.wording import interval
from analysis.plots.style import look
from analysis.stats.ratios import summarise

MEASURES = ("CHAIR_s", "CHAIR_i", "recall", "length")
_TITLES = (r"CHAIR$_s$ $\downarrow$", r"CHAIR$_i$ $\downarrow$", r"Recall $\uparrow$", "Length")


@recipe(
    "chair_table",
    shows="CHAIR_s, CHAIR_i, recall and length per method and keep, with intervals",
    needs=("kept", "captions"),
    kind="table",
)
def chair_table(inputs: Inputs) -> Drawn:
    """All variants of the run, unpruned first, then by budget."""
    units = inputs.need("n_mentions", "agile extract --tasks caption")
    found = summarise(units, MEASURES, inputs.boot)
    plain = inputs.pruned["variant"].tolist()
    best = clear_best(units, found, plain, inputs.boot)
    found["clear_best"] = [
        (measure, group) in best
        for measure, group in zip(found["measure"], found["group"], strict=True)
    ]
    latex = methods_latex(found, inputs.variants, MEASURES, _TITLES, best)
    keep = inputs.main_keep
    rates = found[(found["measure"] == "CHAIR_i") & found["group"].isin(plain)]
    rates = rates[rates["group"].str.endswith(f"@{keep}")].sort_values("estimate")
    caption = (
        f"At {keep} of {inputs.n_tokens} tokens CHAIR_i is lowest for "
        f"{look(rates.iloc[0]['group']).label}, {interval(rates.iloc[0], 1)}, and highest for "
        f"{look(rates.iloc[-1]['group']).label}, {interval(rates.iloc[-1], 1)} "
        f"(n = {int(rates.iloc[0]['n']):,} images). Bold: better than every other method of the "
        "budget on the same images, each paired interval without 0."
    )
    return Drawn(None, {"": found}, caption, latex)
