"""every score on all samples, and on those that plain downsampling gets wrong, with n."""

import pandas as pd

from analysis.catalogue import NEUTRAL, look
from analysis.figures import hard
from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs
from analysis.figures.panels import in_order, shared_legend
from analysis.plots.intervals import forests
from analysis.plots.style import new_figure
from analysis.stats.hard import ALL, HARD
from analysis.stats.ratios import RATIOS

_NAMES = {ALL: "all samples", HARD: "wrong when downsampled"}


@recipe("scores", "pruners:downsample", place=115, optional=True)
def hard_samples(inputs: Inputs) -> Drawn:
    """One forest a score, two points a method, at the main budget."""
    names = hard.methods_at(inputs, inputs.main_keep)
    found = in_order(hard.scores(inputs, [inputs.main_keep]), "group", names)
    found["named"] = found["samples"].map(_NAMES)
    measures = list(dict.fromkeys(found["measure"]))
    lines = {name: look(name).label for name in names}
    figure = new_figure(1.0 + 0.3 * len(lines))
    axes = figure.subplots(1, len(measures), squeeze=False)[0]
    panels = {name: f"{_short(name)}\n{_size(found, name)}" for name in measures}
    series = {_NAMES[ALL]: (NEUTRAL, "o"), _NAMES[HARD]: (look("downsample").colour, "s")}
    forests(found, axes, panels, lines=("group", lines), series=("named", series))
    shared_legend(figure, axes[:1], 2)
    gaps = hard.against(inputs, inputs.main_keep)
    return Drawn(figure, {"": found, "against": gaps}, caption(inputs))


def _short(measure: str) -> str:
    return RATIOS[measure].label.replace("yes/no ", "").replace("ScienceQA accuracy", "ScienceQA")


def _size(found: pd.DataFrame, measure: str) -> str:
    return hard.sizes(found, measure).rpartition(" of ")[0] + " hard"


def caption(inputs: Inputs) -> str:
    """Say how methods stand to downsampling, on all samples and where it fails."""
    return (
        f"{' '.join(hard.sentences(inputs))} {hard.NOTE} {inputs.boot.level:.0%} bootstrap "
        "intervals over images."
    )
