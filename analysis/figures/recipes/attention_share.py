"""attention_share: what happens as the attention-chosen share R of the kept tokens goes 0 → 1."""

from analysis.catalogue import look, parameters
from analysis.figures.base import Drawn, recipe
from analysis.figures.choices import chair_units
from analysis.figures.inputs import Inputs, MissingInput
from analysis.figures.panels import available, variant_scores
from analysis.figures.wording import difference_sentence
from analysis.plots.intervals import band
from analysis.plots.style import new_figure
from analysis.stats.paired import compare
from analysis.stats.ratios import RATIOS

_MEASURES = ("CHAIR_s", "CHAIR_i", "recall", "length", "erank", "attention_mean")
_DEFAULT_SHARE = "0.5"
_SHARES = (0.25, 0.5, 0.75)


@recipe(
    place=80,
    shows="CHAIR, recall, length, kept erank and attention as the attention share R goes 0 → 1",
    needs=("kept", "captions", "pruners:mixture"),
)
def attention_share(inputs: Inputs) -> Drawn:
    """Draw the paper's Table 3 as curves: FasterVLM's first R·K tokens, then DivPrune's."""
    chair_units(inputs)
    shares = share_variants(inputs)
    measures = available(inputs, _MEASURES)
    found = variant_scores(inputs, list(shares), measures)
    found["share"] = found["group"].map(shares)
    figure = new_figure(3.4)
    axes = figure.subplots(2, 3, sharex=True).ravel()
    colour = look("mixture").colour
    for ax, measure in zip(axes, measures, strict=False):
        band(found[found["measure"] == measure], ax, x="share", colour=colour, marker="d")
        ax.set_ylabel(RATIOS[measure].label.split(" of a kept")[0].split(" of kept")[0])
        ax.grid(axis="y")
    for ax in axes[3:]:
        ax.set_xlabel("attention share R")
    return Drawn(figure, {"": found}, caption(inputs, shares))


def share_variants(inputs: Inputs) -> dict[str, float]:
    """Return variant → R in rising order; DivPrune is R = 0 and FasterVLM R = 1 by definition.

    Raises
    ------
    MissingInput
        If the run has fewer than three shares; names the command.
    """
    found = {}
    for row in inputs.sweep("mixture").to_dict("records"):
        given = parameters(str(row["pruner"]))
        if set(given) <= {"attention_share"}:
            found[str(row["variant"])] = float(given.get("attention_share", _DEFAULT_SHARE))
    for spec, share in (("divprune", 0.0), ("fastervlm", 1.0)):
        same = inputs.sweep(spec)
        same = same[same["pruner"] == spec]
        if share not in found.values() and len(same):
            found[str(same["variant"].iloc[0])] = share
    if len(found) < 3 or not any(0 < share < 1 for share in found.values()):
        specs = [f"mixture:attention_share={share}" for share in _SHARES]
        raise MissingInput(inputs.remedy(specs, inputs.main_keep))
    return dict(sorted(found.items(), key=lambda pair: pair[1]))


def caption(inputs: Inputs, shares: dict[str, float]) -> str:
    """Say what the whole way from the lowest to the highest share changes."""
    first, last = next(iter(shares)), next(reversed(shares))
    gaps = compare(inputs.units, ["CHAIR_i", "recall"], [(last, first)], inputs.boot)
    names = (f"R = {shares[last]:g}", f"R = {shares[first]:g}")
    words = {"CHAIR_i": "CHAIR_i", "recall": "recall"}
    said = [
        difference_sentence(row, *names, words[str(row["measure"])])
        for row in gaps.to_dict("records")
    ]
    return (
        f"{' '.join(said)} {inputs.main_keep} of {inputs.n_tokens} tokens; bands: "
        f"{inputs.boot.level:.0%} bootstrap intervals over images; R = 0 is DivPrune, R = 1 "
        "FasterVLM."
    )
