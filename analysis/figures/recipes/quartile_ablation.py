"""quartile_ablation: score when only one quarter of raster positions is kept (VisPruner's)."""

from analysis.catalogue import parameters
from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs, MissingInput
from analysis.figures.panels import SCORES, available, spoken, variant_figure, variant_scores
from analysis.figures.wording import capital, interval, seen
from analysis.stats.paired import compare

_NAMES = ("1st quarter (top)", "2nd quarter", "3rd quarter", "4th quarter (bottom)")


@recipe(
    place=140,
    shows="score with only one quartile of positions kept",
    needs=("kept", "captions", "pruners:quartile"),
)
def quartile_ablation(inputs: Inputs) -> Drawn:
    """Draw the four quarters of the image, top to bottom, each alone."""
    names = quarter_variants(inputs)
    measures = available(inputs, SCORES)
    found = variant_scores(inputs, list(names), measures)
    variants = list(names)
    pairs = [(variants[-1], other) for other in variants[:-1]]
    gaps = compare(inputs.units, measures, pairs, inputs.boot)
    figure = variant_figure(found, measures, names)
    own = gaps[gaps["measure"] == measures[0]].to_dict("records")
    said = [
        f"{names[str(row['second'])]} {interval(row, 1, signed=True)}"
        + ("" if seen(row) else " (no difference seen)")
        for row in own
    ]
    caption = (
        f"{capital(spoken(measures[0]))} of the bottom quarter minus that of each other quarter: "
        f"{'; '.join(said)}. "
        f"{inputs.main_keep} of {inputs.n_tokens} tokens, best attention first inside the quarter, "
        f"n = {int(found['n'].max()):,} images, {inputs.boot.level:.0%} bootstrap intervals."
    )
    return Drawn(figure, {"": found, "pairs": gaps}, caption)


def quarter_variants(inputs: Inputs) -> dict[str, str]:
    """Return variant → quarter, top to bottom.

    Raises
    ------
    MissingInput
        If one of the four is not in the run; names the command.
    """
    found = {
        int(parameters(str(row["pruner"])).get("quartile", "0")): str(row["variant"])
        for row in inputs.sweep("quartile").to_dict("records")
    }
    if lacking := [place for place in range(4) if place not in found]:
        specs = [f"quartile:quartile={place}" for place in lacking]
        raise MissingInput(inputs.remedy(specs, inputs.main_keep))
    return {found[place]: _NAMES[place] for place in range(4)}
