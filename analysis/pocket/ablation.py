"""Ablation at a small scale: attention-mass loss on/off x token dropping on/off, one seed a run.

Run as ``python -m analysis.pocket.ablation --seed 0 --work data/runs/pocket-work``; every cell is
written to ``ablation-{seed}.json`` in the work folder as soon as it is measured.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from transformers import CLIPVisionModel

from analysis.models import LoadOptions, load
from analysis.pocket.dropping import DropRecipe
from analysis.pocket.evaluate import observe
from analysis.pocket.llava import LanguageShape, save_llava
from analysis.pocket.stage_one import TowerRecipe, train_tower
from analysis.pocket.stage_two import LanguageRecipe, cache_features, train_language
from analysis.pocket.store import SceneStore, build_store
from analysis.pocket.summary import summarise
from analysis.pocket.tower import TowerShape
from analysis.scenes.scene import split_seeds

logger = logging.getLogger(__name__)

VARIANTS = ("full", "random@36", "fastervlm@36", "divprune@36")
"""What every cell is measured with."""


@dataclass(frozen=True)
class AblationScale:
    """Sizes of an ablation run, smaller than the shipped model's."""

    scenes: int = 12_000
    held_out: int = 150
    tower: TowerRecipe = field(
        default_factory=lambda: TowerRecipe(
            steps=300, rate=1.5e-3, compiled=False, shape=TowerShape(width=64, layers=4, heads=4)
        )
    )
    language: LanguageRecipe = field(
        default_factory=lambda: LanguageRecipe(
            steps=450,
            batch=24,
            rate=1.5e-3,
            align_steps=300,
            shape=LanguageShape(width=128, layers=3, heads=4, feed_forward=352),
        )
    )


def _key_numbers(estimates: dict[str, Any]) -> dict[str, Any]:
    full = estimates["variants"]["full"]["all"]
    drop = estimates["differences"]["random@36 minus full"]
    gap = estimates["differences"]["divprune@36 minus fastervlm@36"]
    causes = estimates["causes"]
    return {
        "CHAIR_i": full["CHAIR_i"],
        "recall": full["recall"],
        "accuracy": full["yes/no accuracy"],
        "random@36 accuracy": drop["yes/no accuracy"],
        "divprune-attention CHAIR_i": gap["CHAIR_i"],
        "divprune-attention recall": gap["recall"],
        "entropy~n": causes["entropy"]["n_objects"],
        "erank~n": causes["erank"]["n_objects"],
        "object_mass": causes["object_mass"],
        "object_share": causes["object_share"],
        "n": full["n"],
    }


def run_cell(
    tower: CLIPVisionModel, store: SceneStore, scale: AblationScale, dropping: bool, folder: Path
) -> dict[str, Any]:
    """Train one language model around a tower and measure it on development scenes.

    Parameters
    ----------
    tower, store
        The tower and the scenes it was trained on.
    scale
        Sizes and recipes.
    dropping
        Whether visual tokens are dropped in training.
    folder
        Where the cell's features and checkpoint go.
    """
    folder.mkdir(parents=True, exist_ok=True)
    features = cache_features(tower, store, folder.parent / f"{folder.name[:-2]}-features.npy")
    drop = scale.language.drop if dropping else DropRecipe(share=0.0)
    model, _ = train_language(tower, store, features, replace(scale.language, drop=drop))
    save_llava(model, folder)
    adapter = load(LoadOptions(model=str(folder)))
    frame = observe(adapter, split_seeds("dev")[: scale.held_out], VARIANTS)
    return _key_numbers(summarise(frame))


def run_seed(seed: int, scale: AblationScale, work: Path) -> list[dict[str, Any]]:
    """Run the four cells of one seed; cells already in the work folder are not run again."""
    store = build_store("train", scale.scenes, work)
    path = work / f"ablation-{seed}.json"
    cells: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    done = {(cell["mass"], cell["dropping"]) for cell in cells}
    scale = replace(scale, language=replace(scale.language, seed=seed))
    for mass in (True, False):
        missing = [dropping for dropping in (True, False) if (mass, dropping) not in done]
        if not missing:
            continue
        weight = scale.tower.mass_weight if mass else 0.0
        tower, _ = train_tower(store, replace(scale.tower, seed=seed, mass_weight=weight))
        for dropping in missing:
            folder = work / f"ablation-{seed}" / f"m{int(mass)}d{int(dropping)}"
            numbers = run_cell(tower, store, scale, dropping, folder)
            cells.append({"seed": seed, "mass": mass, "dropping": dropping, **numbers})
            path.write_text(json.dumps(cells, indent=1) + "\n")
            logger.info("seed %d mass %s dropping %s: %s", seed, mass, dropping, numbers)
    return cells


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one seed from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, default=Path("data/runs/pocket-work"))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    run_seed(options.seed, AblationScale(), options.work)


if __name__ == "__main__":
    main()
