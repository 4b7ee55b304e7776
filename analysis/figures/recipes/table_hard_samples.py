"""every score per method and keep on all samples and on those downsampling gets wrong, with n."""

import pandas as pd

from analysis.catalogue import look
from analysis.figures import hard
from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs
from analysis.figures.latex import booktabs, cells, escape
from analysis.figures.recipes.methods import LISTED
from analysis.stats.hard import ALL, HARD


@recipe("scores", "pruners:downsample", place=255, kind="table", optional=True)
def table_hard_samples(inputs: Inputs) -> Drawn:
    """Lay out one row a method and budget, two columns a score."""
    keeps = hard.budgets(inputs)
    found = hard.scores(inputs, keeps)
    caption = (
        f"{' '.join(hard.sentences(inputs))} {hard.NOTE} Downsampling has no row on its own errors "
        f"(---). {inputs.boot.level:.0%} bootstrap intervals over "
        f"{int(found['n'].max()) if len(found) else 0:,} images."
    )
    rows = {keep: hard.methods_at(inputs, keep) for keep in keeps}
    return Drawn(None, {"": found}, caption, latex(found, rows))


def latex(found: pd.DataFrame, rows: dict[int, list[str]]) -> str:
    """Lay out budgets one under the other, each with a line of how many samples there are."""
    text = cells(found, ["measure", "group", "keep", "samples"])
    columns = [(name, part) for name in dict.fromkeys(found["measure"]) for part in (ALL, HARD)]
    lines: list[list[str]] = []
    rules: list[int] = []
    for keep, names in rows.items():
        rules += [len(lines)] if lines else []
        for name in names:
            told = [text.get((measure, name, keep, part), "---") for measure, part in columns]
            lines.append([escape(look(name).label), str(keep), *told])
        lines.append(["samples", str(keep), *(_count(found, keep, *each) for each in columns)])
    titles = [
        f"{LISTED['titles'].get(measure, escape(measure))}, {part}" for measure, part in columns
    ]
    return booktabs(["method", "kept", *titles], lines, rules_before=rules)


def _count(found: pd.DataFrame, keep: int, measure: str, samples: str) -> str:
    same = (found["keep"] == keep) & (found["measure"] == measure) & (found["samples"] == samples)
    return str(int(found.loc[same, "n_samples"].max())) if same.any() else "0"
