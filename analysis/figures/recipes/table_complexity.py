"""entropy, erank and both families' scores on simple and complex images (Table 4)."""

import pandas as pd

from analysis.catalogue import ATTENTION, DIVERSITY, look
from analysis.figures.base import Drawn, recipe
from analysis.figures.choices import kept_by
from analysis.figures.inputs import Inputs
from analysis.figures.latex import booktabs, cells, escape
from analysis.figures.panels import SCORES, available
from analysis.stats.complexity import COMPLEX, SIMPLE, by_level, splits
from analysis.stats.images import image_means

_LEVELS = (SIMPLE, COMPLEX)


@recipe("families", "complexity", "scores", place=220, kind="table")
def table_complexity(inputs: Inputs) -> Drawn:
    """Lay out the paper's Table 4 under every split the run has."""
    pair = [kept_by(inputs, kind) for kind in (ATTENTION, DIVERSITY)]
    frames = [
        level_rows(inputs, labels, pair).assign(split=str(name))
        for name, labels in splits(inputs.images).items()
    ]
    found = pd.concat(frames, ignore_index=True)
    caption = (
        f"Simple and complex images under {len(frames)} splits; {look(pair[0]).label} stands for "
        f"attention, {look(pair[1]).label} for diversity, {inputs.main_keep} of "
        f"{inputs.n_tokens} tokens; {inputs.boot.level:.0%} bootstrap intervals over images."
    )
    return Drawn(None, {"": found}, caption, latex(found))


def level_rows(inputs: Inputs, labels: pd.Series, pair: list[str]) -> pd.DataFrame:
    """Estimate image measures and scores on simple and complex images of one split."""
    table = inputs.images[["image_id", "entropy", "erank"]]
    table = table.assign(level=table["image_id"].map(labels))
    means = image_means(table, "level", ["entropy", "erank"], inputs.boot)
    means = means.assign(level=means["group"], variant="all tokens")
    scores = by_level(inputs.units, labels, available(inputs, SCORES), pair, inputs.boot)
    both = pd.concat([means, scores], ignore_index=True)
    return both[both["level"].isin(_LEVELS)]


def latex(found: pd.DataFrame) -> str:
    """Lay out one row a measure and method, a pair of columns a split."""
    text = cells(found, ["measure", "variant", "split", "level"], {"entropy": 2})
    columns = [(split, level) for split in found["split"].unique() for level in _LEVELS]
    lines = []
    for measure, variant in found[["measure", "variant"]].drop_duplicates().to_numpy():
        name = variant if variant == "all tokens" else look(variant).label
        told = [text.get((measure, variant, *column), "---") for column in columns]
        lines.append([f"{escape(measure)}, {escape(name)}", *told])
    titles = [f"{level}, {escape(split)}" for split, level in columns]
    return booktabs(["measure", *titles], lines)
