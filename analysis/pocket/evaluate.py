"""Measure a checkpoint on held-out scenes, through the toolkit's own adapter and pruners.

Run as ``python -m analysis.pocket.evaluate --model data/pocket --split dev --count 500``; prints
the estimates as JSON, or writes them with ``--out``.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from analysis.measures.entropy import attention_entropy
from analysis.measures.erank import effective_rank
from analysis.models import LoadOptions, load
from analysis.models.base import Adapter
from analysis.models.exchange import Request
from analysis.pocket.summary import summarise
from analysis.pruners import make_pruner
from analysis.scenes.captions import CAPTION_PROMPT
from analysis.scenes.questions import questions_for
from analysis.scenes.scene import Scene, make_scene, split_seeds
from analysis.scenes.world import CATEGORIES, plural
from analysis.tokens import VisualTokens

MAX_NEW_TOKENS = 96
"""The longest caption of the 60,000 training scenes has 50 tokens, end token included."""

_FORMS = {form: name for name in CATEGORIES for form in (name, plural(name))}
_MENTION = re.compile(r"\b(" + "|".join(sorted(_FORMS, key=len, reverse=True)) + r")\b")


def mentions(text: str) -> list[str]:
    """Return the categories a text names, in order and with repeats, as CHAIR counts them."""
    return [_FORMS[form] for form in _MENTION.findall(text)]


def _caption_facts(text: str, scene: Scene) -> dict[str, Any]:
    said, true = mentions(text), set(scene.counts)
    wrong = sum(name not in true for name in said)
    return {
        "n_mentions": len(said),
        "n_hallucinated": wrong,
        "any_hallucinated": int(wrong > 0),
        "n_recalled": len(true & set(said)),
        "n_gt": len(true),
        "length": len(text.split()),
    }


def _scene_facts(scene: Scene, tokens: VisualTokens) -> dict[str, Any]:
    attention = tokens.cls_attention
    features = tokens.encoder_features
    if attention is None or features is None:
        raise ValueError("tokens lack cls_attention or encoder_features")
    objects = torch.from_numpy(scene.patch_labels > 0)
    return {
        "seed": scene.seed,
        "complexity": scene.complexity,
        "n_objects": scene.n_objects,
        "object_size": scene.object_size,
        "texture": scene.texture,
        "theme": scene.theme,
        "entropy": float(attention_entropy(attention)),
        "erank": float(effective_rank(features)),
        "object_mass": float(attention[objects].sum() / attention.sum()),
        "object_share": float(objects.double().mean()),
    }


def _selections(variant: str, tokens: list[VisualTokens], scenes: list[Scene]) -> list[Any]:
    if variant == "full":
        return [None] * len(tokens)
    name, _, keep = variant.partition("@")
    pruner = make_pruner(name)
    return [
        pruner.select(one, int(keep), torch.Generator().manual_seed(scene.seed))
        for one, scene in zip(tokens, scenes, strict=True)
    ]


def _variant_rows(
    adapter: Adapter, scenes: list[Scene], tokens: list[VisualTokens], variant: str
) -> Iterator[dict[str, Any]]:
    chosen = _selections(variant, tokens, scenes)
    asked = [questions_for(scene) for scene in scenes]
    captions = [
        Request(CAPTION_PROMPT, one, pick) for one, pick in zip(tokens, chosen, strict=True)
    ]
    questions = [
        Request(question.text, one, pick)
        for one, pick, batch in zip(tokens, chosen, asked, strict=True)
        for question in batch
    ]
    said = adapter.generate(captions, MAX_NEW_TOKENS)
    replies = iter(adapter.generate(questions, 3))
    for scene, caption, batch in zip(scenes, said, asked, strict=True):
        row: dict[str, Any] = {"seed": scene.seed, "variant": variant}
        row["truncated"] = int(caption.truncated)
        row |= _caption_facts(caption.text, scene)
        row |= {"caption": caption.text, "n_asked": len(batch), "n_correct": 0, "n_yes": 0}
        for question in batch:
            reply = next(replies).text.strip()
            right = int(reply == question.label)
            row["n_correct"] += right
            row["n_yes"] += int(reply == "yes")
            for kind, amount in (("asked", 1), ("correct", right)):
                key = f"{kind}_{question.split}"
                row[key] = row.get(key, 0) + amount
        yield row


def observe(
    adapter: Adapter, seeds: Sequence[int], variants: Sequence[str], batch: int = 50
) -> pd.DataFrame:
    """Caption scenes and ask about them under several variants.

    Parameters
    ----------
    adapter
        The loaded model.
    seeds
        Seeds of scenes.
    variants
        "full" or "PRUNER@KEEP".
    batch
        Scenes at a time.

    Returns
    -------
    DataFrame
        A row per scene and variant: counts of mentions, answers, the scene's causes, entropy in
        nats and centred effective rank of all tokens.
    """
    rows: list[dict[str, Any]] = []
    for start in range(0, len(seeds), batch):
        scenes = [make_scene(seed) for seed in seeds[start : start + batch]]
        tokens = adapter.encode([scene.image for scene in scenes])
        known = {
            scene.seed: _scene_facts(scene, one) for scene, one in zip(scenes, tokens, strict=True)
        }
        for variant in variants:
            found = _variant_rows(adapter, scenes, tokens, variant)
            rows.extend({**known[row["seed"]], **row} for row in found)
    return pd.DataFrame(rows)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="data/pocket")
    parser.add_argument("--split", default="dev", choices=("dev", "test"))
    parser.add_argument("--count", type=int, default=500, help="scenes from the split's start")
    parser.add_argument("--offset", type=int, default=0, help="scenes to pass over first")
    parser.add_argument("--variants", default="full,random@36,fastervlm@36,divprune@36")
    parser.add_argument("--frame", type=Path, help="write the rows to this Parquet file")
    parser.add_argument("--out", type=Path, help="write the estimates to this JSON file")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Evaluate from the command line."""
    options = _arguments(arguments)
    torch.set_num_threads(options.threads)
    adapter = load(LoadOptions(model=str(options.model)))
    seeds = split_seeds(options.split)[options.offset : options.offset + options.count]
    frame = observe(adapter, seeds, options.variants.split(","))
    if options.frame is not None:
        frame.to_parquet(options.frame)
    estimates = summarise(frame)
    estimates["scenes"] = {"split": options.split, "count": len(seeds), "offset": options.offset}
    text = json.dumps(estimates, indent=1) + "\n"
    if options.out is None:
        sys.stdout.write(text)
    else:
        options.out.write_text(text)


if __name__ == "__main__":
    main()
