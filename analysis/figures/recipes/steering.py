"""steering: letting erank set the attention share, or its inverse, against a fixed share."""

import pandas as pd

from analysis.catalogue import look, parameters
from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs, MissingInput
from analysis.figures.panels import SCORES, available
from analysis.figures.wording import difference_sentence
from analysis.plots.intervals import forest
from analysis.plots.style import new_figure
from analysis.stats.estimate import records
from analysis.stats.paired import compare
from analysis.stats.ratios import RATIOS

_MEASURES = (*SCORES, "CHAIR_s")
_RULES = {"adaptive": ("#882255", "H"), "inverse": ("#8C8C8C", "s")}


@recipe(
    place=100,
    shows="adaptive and inverse rules against the fixed share, per base method, paired",
    needs=("kept", "captions", "pruners:steered"),
)
def steering(inputs: Inputs) -> Drawn:
    """Paired differences to the fixed rule on the same images."""
    rules = rule_variants(inputs)
    pairs = {
        (variant, rules[(method, "fixed")]): (method, rule)
        for (method, rule), variant in rules.items()
        if rule != "fixed" and (method, "fixed") in rules
    }
    if not pairs:
        specs = ["steered", "steered:rule=inverse", "mixture"]
        raise MissingInput(inputs.remedy(specs, inputs.main_keep))
    measures = available(inputs, _MEASURES)
    found = compare(inputs.units, measures, list(pairs), inputs.boot)
    named = [pairs[(row["first"], row["second"])] for row in records(found)]
    found["method"] = [method for method, _ in named]
    found["rule"] = [rule for _, rule in named]
    methods = list(dict.fromkeys(found["method"]))
    figure = new_figure(1.1 + 0.42 * len(methods))
    axes = figure.subplots(1, len(measures), squeeze=False)[0]
    for place, (ax, measure) in enumerate(zip(axes, measures, strict=True)):
        for shift, (rule, (colour, marker)) in zip((-0.15, 0.15), _RULES.items(), strict=True):
            rows = found[(found["measure"] == measure) & (found["rule"] == rule)]
            part = rows.set_index("method").reindex(methods).reset_index()
            part["label"] = [look(method).label if not place else "" for method in methods]
            forest(part, ax, colour=colour, marker=marker, offset=shift, label=rule)
        ax.set_xlabel(f"{RATIOS[measure].label.split(' (')[0]}:\nrule − fixed (points)")
    handles = axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=2)
    return Drawn(figure, {"": found}, caption(inputs, found))


def rule_variants(inputs: Inputs) -> dict[tuple[str, str], str]:
    """Return (base method, rule) → variant; the plain method is its own fixed rule."""
    found: dict[tuple[str, str], str] = {}
    for row in inputs.sweep("steered").to_dict("records"):
        given = parameters(str(row["pruner"]))
        if set(given) <= {"method", "rule"}:
            key = (given.get("method", "mixture"), given.get("rule", "adaptive"))
            found[key] = str(row["variant"])
    for method in {method for method, _ in found}:
        plain = inputs.sweep(method)
        plain = plain[plain["pruner"] == method]
        if (method, "fixed") not in found and len(plain):
            found[(method, "fixed")] = str(plain["variant"].iloc[0])
    return dict(sorted(found.items()))


def caption(inputs: Inputs, found: pd.DataFrame) -> str:
    """Say, per method and rule, what changes in the first measure."""
    first = found[found["measure"] == found["measure"].iloc[0]]
    label = RATIOS[str(first["measure"].iloc[0])].label.split(" (")[0]
    said = [
        difference_sentence(
            row, f"{look(row['method']).label} with the {row['rule']} rule", "the fixed rule", label
        )
        for row in records(first)
    ]
    return (
        f"{' '.join(said)} {inputs.main_keep} of {inputs.n_tokens} tokens, same images, "
        f"{inputs.boot.level:.0%} bootstrap intervals."
    )
