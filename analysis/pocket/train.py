"""Train the embedded model from a seed: scenes, tower, features, language model, checkpoint.

Run as ``python -m analysis.pocket.train --seed 0 --out data/pocket --work data/runs/pocket-work``.
A stage whose result lies in the work folder is not run again.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
from transformers import CLIPVisionModel, LlavaForConditionalGeneration

from analysis.pocket.calibrate import calibrate_stops
from analysis.pocket.descent import WORK, begin
from analysis.pocket.dropping import DropRecipe
from analysis.pocket.llava import save_llava
from analysis.pocket.stage_one import TowerRecipe, train_tower
from analysis.pocket.stage_two import LanguageRecipe, cache_features, train_language
from analysis.pocket.store import SceneStore, build_store


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
    tower: TowerRecipe = TowerRecipe()
    language: LanguageRecipe = LanguageRecipe()
    tower_again: TowerRecipe = TowerRecipe(steps=800, rate=5e-4, sparse_share=0.0)
    language_again: LanguageRecipe = LanguageRecipe(
        steps=600, rate=5e-4, drop_from=0.0, drop=DropRecipe(share=0.5)
    )
    language_last: LanguageRecipe = LanguageRecipe(
        steps=300, rate=3e-4, stop_weight=2.0, drop_from=0.0, drop=DropRecipe(share=0.5)
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


def main(
    seed: Annotated[int, typer.Option(help="Seed of both stages.")] = 0,
    out: Annotated[Path, typer.Option(help="Checkpoint folder.")] = Path("data/pocket"),
    work: Annotated[Path, typer.Option(help="Where the stages are kept.")] = WORK,
    scenes: Annotated[int, typer.Option(help="Scenes to draw.")] = PocketRecipe.scenes,
    tower_steps: Annotated[int, typer.Option(help="First round.")] = TowerRecipe.steps,
    language_steps: Annotated[int, typer.Option(help="First round.")] = LanguageRecipe.steps,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 2,
    compiled: Annotated[
        bool, typer.Option("--compile/--no-compile", help="Compile the tower's training.")
    ] = True,
) -> None:
    """Train the embedded model from a seed."""
    begin(threads)
    plain = PocketRecipe(scenes=scenes)
    recipe = replace(
        plain,
        tower=replace(plain.tower, steps=tower_steps, compiled=compiled),
        tower_again=replace(plain.tower_again, compiled=compiled),
        language=replace(plain.language, steps=language_steps),
    )
    run_stages(recipe.seeded(seed), work, out)


if __name__ == "__main__":
    typer.run(main)
