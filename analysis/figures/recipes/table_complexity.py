"""table_complexity: entropy, erank and both families' scores on simple and complex images."""

import pandas as pd

from analysis.catalogue import ATTENTION, DIVERSITY, look
from analysis.figures.base import Drawn, recipe
from analysis.figures.choices import kept_by
from analysis.figures.inputs import Inputs, MissingInput
from analysis.figures.latex import booktabs, cell, escape
from analysis.figures.panels import SCORES, available
from analysis.stats.complexity import COMPLEX, SIMPLE, by_level, splits
from analysis.stats.estimate import records
from analysis.stats.images import image_means


@recipe(
    place=220,
    shows="entropy, erank and both families' scores on simple and complex images (Table 4)",
    needs=("images", "kept", "captions"),
    kind="table",
)
def table_complexity(inputs: Inputs) -> Drawn:
    """Lay out the paper's Table 4 under every split the run has."""
    pair = [kept_by(inputs, kind) for kind in (ATTENTION, DIVERSITY)]
    frames = [
        level_rows(inputs, labels, pair).assign(split=str(name))
        for name, labels in splits(inputs.images).items()
    ]
    if not frames:
        raise MissingInput(f"run {inputs.path.name} has no image with an erank or entropy.")
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
    return both[both["level"].isin([SIMPLE, COMPLEX])]


def latex(found: pd.DataFrame) -> str:
    """Lay out one row a measure and method, a pair of columns a split."""
    splits_ = list(dict.fromkeys(found["split"]))
    cells = {
        (row["measure"], row["variant"], row["split"], row["level"]): row for row in records(found)
    }
    lines = []
    for measure, variant in dict.fromkeys((key[0], key[1]) for key in cells):
        name = variant if variant == "all tokens" else look(variant).label
        line = [f"{escape(measure)}, {escape(name)}"]
        for split in splits_:
            for level in (SIMPLE, COMPLEX):
                row = cells.get((measure, variant, split, level))
                line.append(cell(row, 2 if measure == "entropy" else 1) if row else "---")
        lines.append(line)
    columns = [f"{level}, {escape(split)}" for split in splits_ for level in (SIMPLE, COMPLEX)]
    return booktabs(["measure", *columns], lines)
