"""Ablation at a small scale: attention-mass loss on/off x token dropping on/off, one seed a run.

Run as ``python -m analysis.pocket.ablation --seed 0 --work data/runs/pocket-work``; every cell is
written to ``ablation-{seed}.json`` in the work folder as soon as it is measured.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from transformers import CLIPVisionModel

from analysis.pocket.descent import WORK, begin
from analysis.pocket.dropping import DropRecipe
from analysis.pocket.llava import LanguageShape, save_llava
from analysis.pocket.measured import KEEP, measure
from analysis.pocket.stage_one import TowerRecipe, train_tower
from analysis.pocket.stage_two import LanguageRecipe, cache_features, train_language
from analysis.pocket.store import SceneStore, build_store
from analysis.pocket.tower import TowerShape

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class AblationScale:
    """Sizes of an ablation run, smaller than the shipped model's."""

    scenes: int = 12_000
    held_out: int = 150
    tower: TowerRecipe = TowerRecipe(
        steps=300, rate=1.5e-3, compiled=False, shape=TowerShape(width=64, layers=4, heads=4)
    )
    language: LanguageRecipe = LanguageRecipe(
        steps=450,
        batch=24,
        rate=1.5e-3,
        align_steps=300,
        shape=LanguageShape(width=128, layers=3, heads=4, feed_forward=352),
    )


def _key_numbers(found: dict[str, Any]) -> dict[str, Any]:
    full = found["variants"]["full"]["all"]
    gap = found["differences"][f"divprune@{KEEP} minus fastervlm@{KEEP}"]
    dropped = found["differences"][f"random@{KEEP} minus full"]
    return {
        "CHAIR_i": full["CHAIR_i"],
        "recall": full["recall"],
        "accuracy": full["yes/no accuracy"],
        "random@36 accuracy": dropped["yes/no accuracy"],
        "divprune-attention CHAIR_i": gap["CHAIR_i"],
        "divprune-attention recall": gap["recall"],
        "entropy~n": found["causes"]["entropy"]["n_objects"],
        "erank~n": found["causes"]["erank"]["n_objects"],
        "object_mass": found["causes"]["object_mass"],
        "object_share": found["causes"]["object_share"],
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
    return _key_numbers(measure(folder, f"scenes:dev:{scale.held_out}", folder / "run"))


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


def main(
    seed: int = 0,
    work: Annotated[Path, typer.Option(help="Where the cells are kept.")] = WORK,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 1,
) -> None:
    """Run the four cells of one seed."""
    begin(threads)
    run_seed(seed, AblationScale(), work)


if __name__ == "__main__":
    typer.run(main)
