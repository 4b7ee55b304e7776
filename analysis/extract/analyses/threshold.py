"""Threshold: what AgilePruner keeps as one constant tau grows (Table 12, Figure 4)."""

import dataclasses
from typing import Any

from analysis.extract.analyses.base import DETAILED, Bench, Item
from analysis.measures.kept import kept_measures

#: Thresholds; 0.05 to 0.4 as `paper.md` suggests for Table 12, 0 is attention alone.
TAUS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)


def rows(bench: Bench, item: Item) -> list[dict[str, Any]]:
    """Sweep the constant threshold over one image.

    Returns
    -------
    list of dict
        One row a threshold, in the order of `TAUS`; columns as in ``runs/schemas.csv``.
    """
    tokens = bench.encode(item)
    keep = bench.budget(tokens)
    found = []
    for tau in TAUS:
        selection = dataclasses.replace(bench.pruner, tau=tau).select(tokens, keep)
        measures = kept_measures(tokens, selection)
        found.append(
            {
                "image_id": item.sample.image_id,
                "tau": tau,
                "keep": keep,
                "n_survivors": keep - int(selection.info.get("topped_up", 0)),
                **{k: measures[k] for k in ("erank", "attention_mass", "coverage")},
                "pairwise_distance": measures["pairwise_distance"],
                "indices": selection.indices.tolist() if item.index < DETAILED else None,
            }
        )
    return found
