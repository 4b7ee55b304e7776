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

from analysis.pocket.calibrate import calibrate_stops
from analysis.pocket.dropping import DropRecipe
from analysis.pocket.llava import save_llava
from analysis.pocket.stage_one import TowerRecipe, train_tower
from analysis.pocket.stage_two import LanguageRecipe, cache_features, train_language
from analysis.pocket.store import SceneStore, build_store

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PocketRecipe:
    """The whole training: two rounds of two stages, and a last one of the language model.

    Attributes
    ----------
    scenes, language_scenes
        Scenes that stage one and stage two train on.
    tower, language
        The first round.
    tower_again, language_again
        The second round goes on from the first with restarted learning rates.
    language_last
        Goes on from the second round with heavier stops, for fewer hallucinated objects.
    """

    scenes: int = 60_000
    language_scenes: int = 45_000
    tower: TowerRecipe = field(default_factory=TowerRecipe)
    language: LanguageRecipe = field(default_factory=LanguageRecipe)
    tower_again: TowerRecipe = field(
        default_factory=lambda: TowerRecipe(steps=800, rate=5e-4, sparse_share=0.0)
    )
    language_again: LanguageRecipe = field(
        default_factory=lambda: LanguageRecipe(
            steps=600, rate=5e-4, drop_from=0.0, drop=DropRecipe(share=0.5)
        )
    )
    language_last: LanguageRecipe = field(
        default_factory=lambda: LanguageRecipe(
            steps=300, rate=3e-4, stop_weight=2.0, drop_from=0.0, drop=DropRecipe(share=0.5)
        )
    )

    def seeded(self, seed: int) -> PocketRecipe:
        """Return the recipe with every training's own seed derived from `seed`."""
        return replace(
            self,
            tower=replace(self.tower, seed=3 * seed),
            language=replace(self.language, seed=3 * seed),
            tower_again=replace(self.tower_again, seed=3 * seed + 1),
            language_again=replace(self.language_again, seed=3 * seed + 1),
            language_last=replace(self.language_last, seed=3 * seed + 2),
        )


def _note(work: Path, stage: str, seconds: float) -> None:
    path = work / "seconds.json"
    times: dict[str, float] = json.loads(path.read_text()) if path.exists() else {}
    times.setdefault(stage, round(seconds, 1))  # a resumed stage takes no time
    path.write_text(json.dumps(times, indent=2) + "\n")


def get_tower(
    store: SceneStore,
    recipe: TowerRecipe,
    folder: Path,
    start: CLIPVisionModel | None = None,
) -> CLIPVisionModel:
    """Load the tower of a folder, or train it, on from `start` if given."""
    if not (folder / "config.json").exists():
        tower, seconds = train_tower(store, recipe, start)
        tower.save_pretrained(folder)
        _note(folder.parent, folder.name, seconds)
    loaded: CLIPVisionModel = CLIPVisionModel.from_pretrained(folder)
    return loaded.eval()


def get_language(
    tower: CLIPVisionModel,
    store: SceneStore,
    recipe: LanguageRecipe,
    folder: Path,
    start: LlavaForConditionalGeneration | None = None,
) -> LlavaForConditionalGeneration:
    """Load the model of a folder, or train it around the tower, on from `start` if given.

    The tower's features are cached beside the folder; checkpoints are written there too.
    """
    work, name = folder.parent, folder.name
    if not (folder / "config.json").exists():
        started = time.monotonic()
        features = cache_features(tower, store, work / f"{name}-features.npy")
        _note(work, f"{name} features", time.monotonic() - started)

        def keep(model: LlavaForConditionalGeneration, steps: int) -> None:
            save_llava(model, work / f"{name}-{steps}")

        model, seconds = train_language(tower, store, features, recipe, keep, start)
        _note(work, name, seconds)
        save_llava(model, folder)
    loaded: LlavaForConditionalGeneration = LlavaForConditionalGeneration.from_pretrained(folder)
    return loaded.eval()


def run_stages(recipe: PocketRecipe, work: Path, out: Path) -> LlavaForConditionalGeneration:
    """Run both rounds and write the checkpoint to `out`; all else lies in the work folder."""
    work.mkdir(parents=True, exist_ok=True)
    (work / "recipe.json").write_text(json.dumps(asdict(recipe), indent=2) + "\n")
    started = time.monotonic()
    store = build_store("train", recipe.scenes, work)
    _note(work, "scenes", time.monotonic() - started)
    used = slice(recipe.language_scenes)
    part = SceneStore(store.images[used], store.labels[used], store.facts[used])
    tower = get_tower(store, recipe.tower, work / "tower")
    model = get_language(tower, part, recipe.language, work / "language")
    tower = get_tower(store, recipe.tower_again, work / "tower again", tower)
    model = get_language(tower, part, recipe.language_again, work / "language again", model)
    get_language(tower, part, recipe.language_last, work / "language last", model)
    model = calibrate_stops(work / "language last")
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
    compiled = not options.no_compile
    return replace(
        recipe,
        tower=replace(recipe.tower, steps=options.tower_steps, compiled=compiled),
        tower_again=replace(recipe.tower_again, compiled=compiled),
        language=replace(recipe.language, steps=options.language_steps),
    ).seeded(options.seed)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train from the command line."""
    options = _arguments(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    run_stages(recipe_from(options), options.work, options.out)


if __name__ == "__main__":
    main()
