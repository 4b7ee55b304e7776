"""entropy, erank and both families' scores of every subtask, in the order of erank."""

import pandas as pd

from analysis.catalogue import ATTENTION, DIVERSITY, look
from analysis.figures.base import Drawn, recipe
from analysis.figures.choices import kept_by
from analysis.figures.inputs import Inputs
from analysis.figures.latex import booktabs, cells, escape
from analysis.figures.panels import SCORES
from analysis.figures.subtasks import spaced, subtasks
from analysis.stats.estimate import stacked
from analysis.stats.images import image_means
from analysis.stats.paired import benjamini_hochberg, compare
from analysis.stats.ratios import RATIOS, present, summarise


@recipe("images", "families", "subtasks", place=230, kind="table", optional=True)
def table_subtasks(inputs: Inputs) -> Drawn:
    """Lay out one row a subtask: what its images are like, and what each family scores on them."""
    pair = (kept_by(inputs, ATTENTION), kept_by(inputs, DIVERSITY))
    labels, kind = subtasks(inputs.images)
    images = inputs.images.assign(part=inputs.images["image_id"].map(labels))
    about = image_means(images, "part", ["entropy", "erank"], inputs.boot).assign(variant="all")
    found = pd.concat([about, scores(inputs, labels, pair)], ignore_index=True)
    return Drawn(None, {"": found}, caption(inputs, found, kind, pair), latex(found, pair))


def scores(inputs: Inputs, labels: pd.Series, pair: tuple[str, str]) -> pd.DataFrame:
    """Estimate both variants' score on each subtask and their paired difference.

    MME's own score (0 to 200) on MME, else the first of `SCORES` the run has.

    Returns
    -------
    DataFrame
        Estimates whose ``group`` is the subtask; ``variant`` is a variant or ``"difference"``
        (the second minus the first), which has ``p`` and ``q`` (over the subtasks).
    """
    units = inputs.units[inputs.units["variant"].isin(pair)]
    place = units["image_id"].map(labels)
    frames, gaps = [], []
    for name in sorted(labels.unique()):
        part = units[place == name]
        own = [f"MME_{name}"] if f"MME_{name}" in RATIOS else []
        measures = (present(units, own) or present(units, SCORES))[:1]
        one = summarise(part, measures, inputs.boot)
        frames.append(one.assign(variant=one["group"], group=name))
        gap = compare(part, measures, [(pair[1], pair[0])], inputs.boot)
        gaps.append(gap.assign(variant="difference", group=name))
    together = [benjamini_hochberg(pd.concat(gaps, ignore_index=True))]
    return stacked([*frames, *together])


def latex(found: pd.DataFrame, pair: tuple[str, str]) -> str:
    """Lay out subtasks in the order of their mean erank."""
    images = found[found["variant"] == "all"]
    image_text = cells(images, ["group", "measure"], {"entropy": 2, "erank": 2})
    text = cells(found, ["group", "variant"])
    eranks = images[images["measure"] == "erank"].sort_values("estimate", kind="stable")
    sizes = images[images["measure"] == "entropy"].set_index("group")["n"]
    lines = [
        [
            escape(spaced(name)),
            str(int(sizes.get(name, 0))),
            *(image_text.get((name, measure), "---") for measure in ("entropy", "erank")),
            *(text.get((name, variant), "---") for variant in (*pair, "difference")),
        ]
        for name in eranks["group"]
    ]
    titles = [escape(look(name).label) for name in pair]
    header = ["subtask", "images", "entropy", "erank", *titles, f"{titles[1]} $-$ {titles[0]}"]
    return booktabs(header, lines)


def caption(inputs: Inputs, found: pd.DataFrame, kind: str, pair: tuple[str, str]) -> str:
    """Say in how many subtasks either method is seen ahead."""
    gaps = found[found["variant"] == "difference"]
    ahead, behind = int((gaps["low"] > 0).sum()), int((gaps["high"] < 0).sum())
    count = found.loc[found["variant"] == "all", "group"].nunique()
    shares = (
        f"{look(pair[1]).label} is seen ahead of {look(pair[0]).label} in {ahead} and behind in "
        f"{behind} of {count} {kind}s (paired intervals without 0); "
        if len(gaps)
        else f"{count} {kind}s, without scored answers; "
    )
    return (
        f"{shares}rows in the order of mean effective rank, {inputs.main_keep} of "
        f"{inputs.n_tokens} tokens, {inputs.boot.level:.0%} bootstrap intervals over "
        f"{len(inputs.images):,} images."
    )
