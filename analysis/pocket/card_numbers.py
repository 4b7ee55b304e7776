"""Collect the model card's numbers from the files a training left in its work folder.

Run as ``python -m analysis.pocket.card_numbers --work data/runs/pocket-work --out
data/pocket/card.json`` after train, trial, ablation and evaluate, whose estimates it reads from
test.json, dev.json, dev-first.json (first round) and dev-second.json (second round).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analysis.pocket.ablation import AblationScale
from analysis.pocket.attention_trial import (
    ENTROPY_NUMBER,
    MASS_OVER_SHARE,
    PROBE_OF_LABELS,
    AttentionReport,
)
from analysis.pocket.calibrate import STOP_BIAS
from analysis.pocket.trial import BATCH, STEPS

Numbers = dict[str, Any]


def _read(path: Path) -> Any:
    return json.loads(path.read_text())


def recipe_numbers(recipe: Numbers) -> Numbers:
    """Return the recipe's figures that the card prints, from `recipe.json`."""
    tower, language = recipe["tower"], recipe["language"]
    tower_again, language_again = recipe["tower_again"], recipe["language_again"]
    return {
        "seed": tower["seed"],
        "scenes": recipe["scenes"],
        "language_scenes": recipe["language_scenes"],
        "tower_steps": tower["steps"],
        "tower_batch": tower["batch"],
        "mass_weight": tower["mass_weight"],
        "sparse_percent": round(100 * tower["sparse_share"]),
        "sparse_keep": tower["sparse_keep"],
        "language_steps": language["steps"],
        "language_batch": language["batch"],
        "align_steps": language["align_steps"],
        "yes_no_weight": language["yes_no_weight"],
        "drop_from_percent": round(100 * language["drop_from"]),
        "drop_percent": round(100 * language["drop"]["share"]),
        "tower_again_steps": tower_again["steps"],
        "tower_again_rate": tower_again["rate"],
        "language_again_steps": language_again["steps"],
        "language_again_rate": language_again["rate"],
        "language_last_steps": recipe["language_last"]["steps"],
        "language_last_rate": recipe["language_last"]["rate"],
        "stop_weight": recipe["language_last"]["stop_weight"],
        "drop_again_percent": round(100 * language_again["drop"]["share"]),
    }


def trial_numbers(contrast: Numbers, labels: Numbers) -> Numbers:
    """Return both arms of the trial and the verdict of the criterion.

    Parameters
    ----------
    contrast, labels
        Content of `trial-contrast.json` and `trial-labels.json`.
    """
    names = AttentionReport.__dataclass_fields__
    report = AttentionReport(**{name: contrast[name] for name in names})
    usable = report.usable(labels["probe_f1"])
    ratio = contrast["mass"] / contrast["share"]
    verdict = (
        f"Attention mass is {ratio:.2f} x the objects' share (wanted {MASS_OVER_SHARE}), entropy "
        f"with number {contrast['entropy_number']:.2f} (wanted {ENTROPY_NUMBER:.2f}), probe F1 "
        f"{contrast['probe_f1'] / labels['probe_f1']:.2f} x the twin's (wanted "
        f"{PROBE_OF_LABELS:.2f}): "
    )
    verdict += (
        "usable." if usable else "not usable at this scale, so the mass loss is what ships. "
        "Longer contrastive training was not tried."
    )  # fmt: skip
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


def collect(work: Path, vocabulary: int, parameters: str) -> Numbers:
    """Return the content of `card.json`.

    Parameters
    ----------
    work
        The training's work folder.
    vocabulary, parameters
        Number of words the tokenizer knows; number of parameters as text.
    """
    cells, note = ablation_numbers(work)
    return {
        "vocabulary": vocabulary,
        "parameters": parameters,
        "recipe": recipe_numbers(_read(work / "recipe.json")),
        "stop_bias": STOP_BIAS,
        "seconds": _read(work / "seconds.json"),
        "test": _read(work / "test.json"),
        "dev": _read(work / "dev.json") if (work / "dev.json").exists() else None,
        "first_round": _read(work / "dev-first.json")["variants"]["full"]["all"],
        "second_round": _read(work / "dev-second.json")["variants"]["full"]["all"],
        "ablation": cells,
        "ablation_note": note,
        "trial": trial_numbers(
            _read(work / "trial-contrast.json"), _read(work / "trial-labels.json")
        ),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Collect from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("data/runs/pocket-work"))
    parser.add_argument("--model", type=Path, default=Path("data/pocket"))
    parser.add_argument("--out", type=Path, default=Path("data/pocket/card.json"))
    options = parser.parse_args(arguments)
    tokens = len(_read(options.model / "tokenizer.json")["model"]["vocab"])
    size = (options.model / "model.safetensors").stat().st_size / 2e6
    numbers = collect(options.work, tokens, f"{size:.2f} million")
    options.out.write_text(json.dumps(numbers, indent=1) + "\n")


if __name__ == "__main__":
    main()
