"""Trial of the self-supervised tower: contrast against labels, same scenes, same steps.

Run as ``python -m analysis.pocket.trial --objective contrast`` (and ``labels``); writes
``trial-{objective}.json`` to the work folder. The criterion was fixed before the trial.
"""

from __future__ import annotations

import json
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import torch
import typer
from scipy.stats import spearmanr
from torch import Tensor
from torch.nn import functional
from transformers import CLIPVisionModel

from analysis.measures.entropy import attention_entropy
from analysis.pocket.descent import WORK, begin
from analysis.pocket.stage_one import TowerRecipe, train_tower
from analysis.pocket.store import SceneStore, build_store
from analysis.pocket.tower import to_pixels, tower_pass

STEPS = 400
"""Optimiser steps of the trial."""
BATCH = 96
"""Scenes per step of the trial."""
HELD_OUT = 2_000
"""Development scenes the towers are measured on."""

MASS_OVER_SHARE = 1.5
"""Usable only if objects get at least this much more attention than their share of patches."""
ENTROPY_NUMBER = 0.10
"""Usable only if the rank correlation of entropy and number of objects is at least this."""
PROBE_OF_LABELS = 0.90
"""Usable only if [CLS] names categories at least this well, relative to the labelled twin."""

Objective = StrEnum("Objective", ["contrast", "labels"])


def trial_recipe(objective: str, seed: int = 0) -> TowerRecipe:
    """Return the recipe of one arm; the contrastive one uses no labels and no masks."""
    recipe = TowerRecipe(steps=STEPS, batch=BATCH, objective=objective, seed=seed)
    return replace(recipe, mass_weight=0, patch_weight=0) if objective == "contrast" else recipe


def usable(report: dict[str, float], twin_f1: float) -> bool:
    """Apply the criterion to a report, against the F1 of a twin trained on labels."""
    return (
        report["mass"] >= MASS_OVER_SHARE * report["share"]
        and report["entropy_number"] >= ENTROPY_NUMBER
        and report["probe_f1"] >= PROBE_OF_LABELS * twin_f1
    )


def attention_report(tower: CLIPVisionModel, store: SceneStore) -> dict[str, float]:
    """Measure what a tower's [CLS] looks at and knows, on held-out scenes.

    Returns
    -------
    dict
        Rounded to three decimals: ``mass`` and ``share``, mean attention mass on object patches
        and their mean share (0..1); ``entropy_number``, ``entropy_texture`` and
        ``entropy_size``, Spearman correlations of attention entropy with the causes of a scene;
        ``probe_f1``, micro F1 of categories of a linear probe on the last [CLS], trained on the
        first half; ``n`` scenes.
    """
    torch.manual_seed(0)
    with torch.no_grad():
        states = [
            tower_pass(tower, to_pixels(store.images[start : start + 100]))
            for start in range(0, len(store), 100)
        ]
    attention = torch.cat([part.attention for part in states]).double()
    entropy = attention_entropy(attention).numpy()
    objects = torch.from_numpy(store.labels > 0)
    present = torch.from_numpy(store.count_matrix() > 0).float()
    causes = {"number": "n_objects", "texture": "texture", "size": "object_size"}
    report = {
        "mass": (attention * objects).sum(-1).mean(),
        "share": objects.double().mean(),
        **{
            f"entropy_{cause}": spearmanr(entropy, store.column(column)).statistic
            for cause, column in causes.items()
        },
        "probe_f1": _probe_f1(torch.cat([part.last_cls for part in states]), present),
        "n": len(store),
    }
    return {key: round(float(value), 3) for key, value in report.items()}


def _probe_f1(vectors: Tensor, present: Tensor) -> float:
    half = len(vectors) // 2
    vectors = (vectors - vectors[:half].mean(0)) / vectors[:half].std(0).clamp_min(1e-6)
    probe = torch.nn.Linear(vectors.shape[1], present.shape[1])
    optimiser = torch.optim.AdamW(probe.parameters(), lr=0.02, weight_decay=0.1)
    for _ in range(300):
        loss = functional.binary_cross_entropy_with_logits(probe(vectors[:half]), present[:half])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    said, true = probe(vectors[half:]) > 0, present[half:] > 0
    return float(2 * (said & true).sum() / (said.sum() + true.sum()))


def main(
    objective: Annotated[Objective, typer.Option(help="The arm to train.")],
    scenes: Annotated[int, typer.Option(help="Training scenes.")] = 60_000,
    seed: int = 0,
    work: Annotated[Path, typer.Option(help="Where the report goes.")] = WORK,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 1,
) -> None:
    """Train and measure one arm."""
    begin(threads)
    store = build_store("train", scenes, work)
    tower, seconds = train_tower(store, trial_recipe(objective, seed))
    report = attention_report(tower, build_store("dev", HELD_OUT, work))
    found = {"objective": objective, "seconds": round(seconds), **report}
    (work / f"trial-{objective}.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
