"""adaptive and inverse rules against the fixed share, per base method, paired."""

import pandas as pd

from analysis.catalogue import look
from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs
from analysis.figures.panels import SCORES, available, compared, shared_legend
from analysis.figures.sweeps import rule_pairs
from analysis.figures.wording import difference_sentence
from analysis.plots.intervals import forests
from analysis.plots.style import new_figure
from analysis.stats.estimate import records
from analysis.stats.ratios import RATIOS

_RULES = {"adaptive": ("#882255", "H"), "inverse": ("#8C8C8C", "s")}


@recipe("pruners:steered and fixed", "scores", place=100)
def steering(inputs: Inputs) -> Drawn:
    """Paired differences to the fixed rule on the same images."""
    pairs = rule_pairs(inputs)
    measures = available(inputs, (*SCORES, "CHAIR_s"))
    found = compared(inputs, measures, pairs)
    named = [pairs[(row["first"], row["second"])] for row in records(found)]
    found["method"] = [method for method, _ in named]
    found["rule"] = [rule for _, rule in named]
    methods = {method: look(method).label for method in found["method"]}
    figure = new_figure(1.1 + 0.42 * len(methods))
    axes = figure.subplots(1, len(measures), squeeze=False)[0]
    panels = {name: f"{_short(name)}:\nrule − fixed (points)" for name in measures}
    forests(found, axes, panels, lines=("method", methods), series=("rule", _RULES), zero=0.0)
    shared_legend(figure, axes[:1], 2)
    return Drawn(figure, {"": found}, caption(inputs, found))


def _short(measure: str) -> str:
    return RATIOS[measure].label.split(" (")[0]


def caption(inputs: Inputs, found: pd.DataFrame) -> str:
    """Say, per method and rule, what changes in the first measure."""
    measure = str(found["measure"].iloc[0])
    said = [
        difference_sentence(
            row,
            f"{look(row['method']).label} with the {row['rule']} rule",
            "the fixed rule",
            _short(measure),
        )
        for row in records(found[found["measure"] == measure])
    ]
    return (
        f"{' '.join(said)} {inputs.main_keep} of {inputs.n_tokens} tokens, same images, "
        f"{inputs.boot.level:.0%} bootstrap intervals."
    )
