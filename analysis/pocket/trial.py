"""Trial of the self-supervised tower: contrast against labels, same scenes, same steps.

Run as ``python -m analysis.pocket.trial --objective contrast`` (and ``labels``); writes
``trial-{objective}.json`` to the work folder.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import torch

from analysis.pocket.attention_trial import attention_report
from analysis.pocket.stage_one import TowerRecipe, train_tower
from analysis.pocket.store import build_store

STEPS = 400
"""Optimiser steps of the trial."""
BATCH = 96
"""Scenes per step of the trial."""
HELD_OUT = 2_000
"""Development scenes the towers are measured on."""


def trial_recipe(objective: str, seed: int = 0) -> TowerRecipe:
    """Return the recipe of one arm; the contrastive one uses no labels and no masks."""
    if objective == "contrast":
        return TowerRecipe(
            steps=STEPS, batch=BATCH, objective=objective, mass_weight=0, patch_weight=0, seed=seed
        )
    return TowerRecipe(steps=STEPS, batch=BATCH, objective=objective, seed=seed)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train and measure one arm from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objective", choices=("contrast", "labels"), required=True)
    parser.add_argument("--scenes", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, default=Path("data/runs/pocket-work"))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    store = build_store("train", options.scenes, options.work)
    tower, seconds = train_tower(store, trial_recipe(options.objective, options.seed))
    report = attention_report(tower, build_store("dev", HELD_OUT, options.work))
    found = {"objective": options.objective, "seconds": round(seconds), **report.as_dict()}
    path = options.work / f"trial-{options.objective}.json"
    path.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
