"""Train the embedded model from a seed: scenes, tower, features, language model, checkpoint.

Run as ``python -m analysis.pocket.train --seed 0 --out data/pocket --work data/runs/pocket-work``.
A stage whose result lies in the work folder is not run again.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from transformers import CLIPVisionModel, LlavaForConditionalGeneration

from analysis.pocket.llava import save_llava
from analysis.pocket.stage_one import TowerRecipe, train_tower
from analysis.pocket.stage_two import LanguageRecipe, cache_features, train_language
from analysis.pocket.store import SceneStore, build_store

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PocketRecipe:
    """The whole training: scenes of stage one, how many of them stage two uses, both recipes."""

    scenes: int = 60_000
    language_scenes: int = 45_000
    tower: TowerRecipe = field(default_factory=TowerRecipe)
    language: LanguageRecipe = field(default_factory=LanguageRecipe)

    def seeded(self, seed: int) -> PocketRecipe:
        """Return the recipe with both stages started from `seed`."""
        tower, language = replace(self.tower, seed=seed), replace(self.language, seed=seed)
        return replace(self, tower=tower, language=language)


def _note(work: Path, stage: str, seconds: float) -> None:
    path = work / "seconds.json"
    times: dict[str, float] = json.loads(path.read_text()) if path.exists() else {}
    times.setdefault(stage, round(seconds, 1))  # a resumed stage takes no time
    path.write_text(json.dumps(times, indent=2) + "\n")


def get_tower(store: SceneStore, recipe: TowerRecipe, work: Path) -> CLIPVisionModel:
    """Load the tower of the work folder, or train it."""
    folder = work / "tower"
    if not (folder / "config.json").exists():
        tower, seconds = train_tower(store, recipe)
        tower.save_pretrained(folder)
        _note(work, "tower", seconds)
    loaded: CLIPVisionModel = CLIPVisionModel.from_pretrained(folder)
    return loaded.eval()


def run_stages(recipe: PocketRecipe, work: Path, out: Path) -> LlavaForConditionalGeneration:
    """Run all stages and write the checkpoint to `out`; intermediate ones to the work folder."""
    work.mkdir(parents=True, exist_ok=True)
    (work / "recipe.json").write_text(json.dumps(asdict(recipe), indent=2) + "\n")
    started = time.monotonic()
    store = build_store("train", recipe.scenes, work)
    _note(work, "scenes", time.monotonic() - started)
    tower = get_tower(store, recipe.tower, work)
    used = slice(recipe.language_scenes)
    store = SceneStore(store.images[used], store.labels[used], store.facts[used])
    started = time.monotonic()
    features = cache_features(tower, store, work / "features.npy")
    _note(work, "features", time.monotonic() - started)

    def keep(model: LlavaForConditionalGeneration, steps: int) -> None:
        save_llava(model, work / f"llava-{steps}")

    model, seconds = train_language(tower, store, features, recipe.language, keep)
    _note(work, "language", seconds)
    save_llava(model, out)
    return model


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="seed of both stages")
    parser.add_argument("--out", type=Path, default=Path("data/pocket"), help="checkpoint folder")
    parser.add_argument("--work", type=Path, default=Path("data/runs/pocket-work"))
    parser.add_argument("--scenes", type=int, default=PocketRecipe().scenes)
    parser.add_argument("--tower-steps", type=int, default=TowerRecipe().steps)
    parser.add_argument("--language-steps", type=int, default=LanguageRecipe().steps)
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--no-compile", action="store_true", help="train the tower uncompiled")
    return parser.parse_args(arguments)


def recipe_from(options: Any) -> PocketRecipe:
    """Build the recipe from parsed command-line options."""
    recipe = PocketRecipe(scenes=options.scenes)
    tower = replace(recipe.tower, steps=options.tower_steps, compiled=not options.no_compile)
    language = replace(recipe.language, steps=options.language_steps)
    return replace(recipe, tower=tower, language=language).seeded(options.seed)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train from the command line."""
    options = _arguments(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    run_stages(recipe_from(options), options.work, options.out)


if __name__ == "__main__":
    main()
