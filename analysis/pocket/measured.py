"""The model card's estimates of a run over drawn scenes, all by the ordinary statistics.

Such a run is made with ``agile extract --model data/pocket --data scenes:dev --pruners
random,fastervlm,divprune --keeps 36 --out RUN``, or by `measure`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.extract.config import ExtractConfig
from analysis.extract.loop import run_extraction
from analysis.runs import Run
from analysis.scenes.questions import SPLITS
from analysis.scenes.scene import make_scene
from analysis.scores.counts import Part, count_chair
from analysis.scores.yesno import yesno_scores
from analysis.stats.correlation import correlate
from analysis.stats.estimate import records
from analysis.stats.images import image_means
from analysis.stats.paired import compare
from analysis.stats.ratios import RATIOS, Ratio, summarise
from chair_eval.bootstrap import Bootstrap

Numbers = dict[str, Any]

PRUNERS = ("random", "fastervlm", "divprune")
"""What a checkpoint is pruned with, beside not at all."""
KEEP = 36
"""Kept visual tokens of 144."""
CAUSES = ("n_objects", "object_size", "texture")
"""The numeric causes of a scene."""
RATES: dict[str, Ratio] = {
    **{name: RATIOS[name] for name in ("CHAIR_i", "CHAIR_s", "recall")},
    "yes/no accuracy": Ratio("correct", scale=100),
    "yes share": Ratio("said_yes", scale=100),
    **{f"accuracy {split}": Ratio(f"correct:{split}", scale=100) for split in SPLITS},
}
"""The rates of captions and answers, in per cent."""


def measure(model: Path, data: str, out: Path) -> Numbers:
    """Run a checkpoint over scenes, with all tokens and pruned, and return its estimates.

    Parameters
    ----------
    model
        Checkpoint folder.
    data
        Spec of the scenes, such as ``scenes:dev:150``.
    out
        Folder of the run; what is there already is not made again.
    """
    config = ExtractConfig(model=str(model), data=data, pruners=PRUNERS, keeps=(KEEP,))
    return estimates(run_extraction(config, out).run)


def estimates(run: Run, boot: Bootstrap | None = None) -> Numbers:
    """Return all estimates of a run over scenes, as [estimate, low, high] over scenes.

    Parameters
    ----------
    run
        With the unpruned model and whatever else; captions and yes/no questions.
    boot
        Resampling; the default when None.

    Returns
    -------
    dict
        ``variants``: variant, then group of scenes (all, simple, medium, complex), then rate in
        per cent; ``differences``: pair, then rate in points, paired over scenes; ``causes``: how
        entropy (nats) and centred erank go with each cause; ``scenes``: count and offset.
    """
    boot = boot or Bootstrap()
    units, images = _units(run), _scenes(run.images)
    names = [entry["variant"] for entry in run.manifest["variants"]]
    variants: Numbers = {name: {} for name in names}
    for group in ("all", *sorted(images["complexity"].unique())):
        part = units[units["complexity"].eq(group) | (group == "all")]
        for variant in names:
            variants[variant][group] = {"n": int(part["image_id"].nunique())}
        for found in records(summarise(part, RATES, boot)):
            variants[found["group"]][group][found["measure"]] = _span(found)
    for name in names:
        variants[name]["truncated"] = int(units.loc[units["variant"] == name, "truncated"].sum())
    pairs = [(name, "full") for name in names if name != "full"]
    attention, diversity = (f"{name}@{KEEP}" for name in PRUNERS[1:])
    pairs += [(diversity, attention)] if {attention, diversity} <= set(names) else []
    differences: Numbers = {" minus ".join(pair): {"n": len(images)} for pair in pairs}
    for found in records(compare(units, RATES, pairs, boot)):
        pair = f"{found['first']} minus {found['second']}"
        differences[pair][found["measure"]] = _span(found)
    return {
        "variants": variants,
        "differences": differences,
        "causes": _causes(images, boot),
        "scenes": {
            "data": run.config["data"],
            "count": len(images),
            "offset": run.config["offset"],
        },
    }


def _span(found: Mapping[str, Any]) -> list[float]:
    return [round(float(found[name]), 3) for name in ("estimate", "low", "high")]


def _units(run: Run) -> pd.DataFrame:
    """Return the columns `RATES` names, a row per caption and a row per answer."""
    captions = count_chair([Part(run.images, run.answers)])
    cut = run.answers[run.answers["task"] == "caption"]
    captions = captions.merge(cut[["image_id", "variant", "truncated"]])
    answers = yesno_scores(run.answers)
    right = answers["correct"].astype(float)
    answers = answers.assign(correct=right, said_yes=answers["prediction"].eq("yes").astype(float))
    for split in SPLITS:
        answers[f"correct:{split}"] = right.where(answers["split"] == split)
    units = pd.concat([captions, answers], ignore_index=True)
    return units.merge(run.images[["image_id", "complexity"]])


def _scenes(images: pd.DataFrame) -> pd.DataFrame:
    """Add the causes of each scene, and how attention and objects share its patches."""
    meta = pd.DataFrame([json.loads(text) for text in images["meta"]], index=images.index)
    objects = np.stack([make_scene(int(seed)).patch_labels > 0 for seed in images["image_id"]])
    attention = np.stack(images["cls_attention"].to_list())
    return images.join(meta).assign(
        object_mass=(attention * objects).sum(1) / attention.sum(1), object_share=objects.mean(1)
    )


def _causes(scenes: pd.DataFrame, boot: Bootstrap) -> Numbers:
    """Return Spearman correlations of entropy and erank with each cause, and their group means."""

    def rank(x: str, y: str) -> list[float]:
        return _span(records(correlate(scenes, x, y, kind="spearman", boot=boot))[0])

    found: Numbers = {"erank_of": "the tokens given to the language model"}
    for measured in ("entropy", "erank"):
        found[measured] = {cause: rank(cause, measured) for cause in CAUSES}
        for by in ("theme", "complexity"):
            for value, part in scenes.groupby(by):
                mean = records(image_means(part, by, [measured], boot))[0]
                found[measured][f"{by} {value}"] = _span(mean)
    found["entropy with erank"] = rank("entropy", "erank")
    for mean in records(image_means(scenes, "dataset", ["object_mass", "object_share"], boot)):
        found[mean["measure"]] = _span(mean)
    return found
