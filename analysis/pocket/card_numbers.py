"""Collect the model card's numbers from what a training left in its work folder.

Run as ``python -m analysis.pocket.card_numbers --work data/runs/pocket-work --out
data/pocket/card.json`` after train, trial and ablation. Beside their files it reads four runs over
scenes (how to make one: `measured`): ``test``, ``dev`` (may be absent), ``dev-first`` and
``dev-second``, of the shipped model and of what the first and the second round left.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from analysis.pocket.ablation import AblationScale
from analysis.pocket.calibrate import STOP_BIAS
from analysis.pocket.descent import WORK
from analysis.pocket.measured import Numbers, estimates
from analysis.pocket.trial import (
    BATCH,
    ENTROPY_NUMBER,
    MASS_OVER_SHARE,
    PROBE_OF_LABELS,
    STEPS,
    Objective,
    usable,
)
from analysis.runs import Run

_SHOWN = ("steps", "batch", "rate")


def _read(path: Path) -> Any:
    return json.loads(path.read_text())


def recipe_numbers(recipe: Numbers) -> Numbers:
    """Return the recipe's figures that the card prints, from `recipe.json`."""
    tower, language = recipe["tower"], recipe["language"]
    stages = ("tower", "language", "tower_again", "language_again", "language_last")
    flat = {f"{stage}_{key}": recipe[stage][key] for stage in stages for key in _SHOWN}
    same = {key: tower[key] for key in ("seed", "mass_weight", "sparse_keep")}
    return {
        **flat,
        **same,
        "scenes": recipe["scenes"],
        "language_scenes": recipe["language_scenes"],
        "align_steps": language["align_steps"],
        "yes_no_weight": language["yes_no_weight"],
        "stop_weight": recipe["language_last"]["stop_weight"],
        "sparse_percent": round(100 * tower["sparse_share"]),
        "drop_from_percent": round(100 * language["drop_from"]),
        "drop_percent": round(100 * language["drop"]["share"]),
        "drop_again_percent": round(100 * recipe["language_again"]["drop"]["share"]),
    }


def trial_numbers(contrast: Numbers, labels: Numbers) -> Numbers:
    """Return both arms of the trial and the verdict of the criterion.

    Parameters
    ----------
    contrast, labels
        Content of `trial-contrast.json` and `trial-labels.json`.
    """
    ratio = contrast["mass"] / contrast["share"]
    verdict = (
        f"Attention mass is {ratio:.2f} x the objects' share (wanted {MASS_OVER_SHARE}), entropy "
        f"with number {contrast['entropy_number']:.2f} (wanted {ENTROPY_NUMBER:.2f}), probe F1 "
        f"{contrast['probe_f1'] / labels['probe_f1']:.2f} x the twin's (wanted "
        f"{PROBE_OF_LABELS:.2f}): "
    )
    if usable(contrast, labels["probe_f1"]):
        verdict += "usable."
    else:
        verdict += "not usable at this scale, so the mass loss is what ships. "
        verdict += "Longer contrastive training was not tried."
    return {
        "steps": STEPS, "batch": BATCH, "contrast": contrast, "labels": labels, "verdict": verdict
    }  # fmt: skip


def ablation_numbers(work: Path) -> tuple[list[Numbers], str]:
    """Return the cells that ran and a sentence on what they are."""
    cells = [cell for path in sorted(work.glob("ablation-*.json")) for cell in _read(path)]
    if not cells:
        return [], "No cell had finished when this card was rendered."
    scale = AblationScale()
    tower, language = scale.tower, scale.language
    note = (
        f"{len(cells)} of 8 cells ran, one round each at a smaller scale "
        f"(`analysis.pocket.ablation.AblationScale`): {scale.scenes} scenes; tower "
        f"{tower.shape.width} wide, {tower.shape.layers} layers, {tower.steps} steps of "
        f"{tower.batch}; language model {language.shape.width} wide, {language.shape.layers} "
        f"layers, {language.steps} steps of {language.batch}. Measured on {cells[0]['n']} "
        "development scenes at 36 of 144 tokens. Intervals take the scenes as random and the "
        "training run as fixed."
    )
    return cells, note


def collect(work: Path, model: Path) -> Numbers:
    """Return the content of `card.json`.

    Parameters
    ----------
    work
        The training's work folder.
    model
        The checkpoint it ended in.
    """
    cells, note = ablation_numbers(work)

    def full(name: str) -> Numbers:
        return estimates(Run.open(work / name))["variants"]["full"]["all"]

    return {
        "vocabulary": len(_read(model / "tokenizer.json")["model"]["vocab"]),
        "parameters": f"{(model / 'model.safetensors').stat().st_size / 2e6:.2f} million",
        "recipe": recipe_numbers(_read(work / "recipe.json")),
        "stop_bias": STOP_BIAS,
        "seconds": _read(work / "seconds.json"),
        "test": estimates(Run.open(work / "test")),
        "dev": estimates(Run.open(work / "dev")) if Run.is_at(work / "dev") else None,
        "first_round": full("dev-first"),
        "second_round": full("dev-second"),
        "ablation": cells,
        "ablation_note": note,
        "trial": trial_numbers(*(_read(work / f"trial-{arm}.json") for arm in Objective)),
    }


def main(
    work: Annotated[Path, typer.Option(help="The training's work folder.")] = WORK,
    model: Annotated[Path, typer.Option(help="The checkpoint.")] = Path("data/pocket"),
    out: Annotated[Path, typer.Option(help="The numbers.")] = Path("data/pocket/card.json"),
) -> None:
    """Collect the numbers."""
    out.write_text(json.dumps(collect(work, model), indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
