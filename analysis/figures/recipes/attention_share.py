"""CHAIR, recall, length, kept erank and attention as the attention share R goes 0 → 1."""

from analysis.catalogue import look
from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs
from analysis.figures.panels import available, compared, variant_scores
from analysis.figures.sweeps import shares
from analysis.figures.wording import difference_sentence
from analysis.plots.intervals import band
from analysis.plots.style import new_figure
from analysis.stats.estimate import records
from analysis.stats.ratios import RATIOS

MEASURES = ("CHAIR_s", "CHAIR_i", "recall", "length", "erank", "attention_mean")


@recipe("captions", "pruners:mixture", place=80)
def attention_share(inputs: Inputs) -> Drawn:
    """Draw the paper's Table 3 as curves: FasterVLM's first R·K tokens, then DivPrune's."""
    share = shares(inputs)
    measures = available(inputs, MEASURES)
    found = variant_scores(inputs, list(share), measures)
    found["share"] = found["group"].map(share)
    figure = new_figure(3.4)
    axes = figure.subplots(2, 3, sharex=True).ravel()
    colour = look("mixture").colour
    for ax, measure in zip(axes, measures, strict=False):
        band(found[found["measure"] == measure], ax, x="share", colour=colour, marker="d")
        ax.set_ylabel(RATIOS[measure].label.split(" of a kept")[0].split(" of kept")[0])
    for ax in axes[3:]:
        ax.set_xlabel("attention share R")
    return Drawn(figure, {"": found}, caption(inputs, share))


def caption(inputs: Inputs, share: dict[str, float]) -> str:
    """Say what the whole way from the lowest to the highest share changes."""
    first, last = next(iter(share)), next(reversed(share))
    names = (f"R = {share[last]:g}", f"R = {share[first]:g}")
    gaps = compared(inputs, ["CHAIR_i", "recall"], [(last, first)])
    said = [difference_sentence(row, *names, row["measure"]) for row in records(gaps)]
    return (
        f"{' '.join(said)} {inputs.main_keep} of {inputs.n_tokens} tokens; bands: "
        f"{inputs.boot.level:.0%} bootstrap intervals over images; R = 0 is DivPrune, R = 1 "
        "FasterVLM."
    )
