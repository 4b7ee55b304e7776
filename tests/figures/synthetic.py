"""Synthetic run folders with the real schema and planted effects, for tests and timing."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.catalogue import DESIGN
from analysis.datasets import load_dataset
from analysis.runs import SCHEMA_VERSION, TABLES

WORDS = ("person", "car", "dog", "cat", "bench", "kite", "cup", "bowl", "chair", "clock")
# Planted: kept diversity per pruner, and the chance that a mentioned object is invented.
DIVERSITY = {"random": 0.75, "fastervlm": 0.7, "vispruner": 0.85, "divprune": 1.2, "fps": 1.1}
PRUNERS = ("random", "fastervlm", "vispruner", "divprune", "fps", "agilepruner")
GRID = 12
SWEEPS = (
    "mixture",
    "mixture:attention_share=0.25",
    "mixture:attention_share=0.75",
    "steered",
    "steered:rule=inverse",
    "steered:rule=fixed",
    "steered:method=vispruner",
    "steered:method=vispruner:rule=inverse",
    "vispruner:attention_share=0.0",
    "quartile",
    "quartile:quartile=1",
    "quartile:quartile=2",
    "quartile:quartile=3",
    "agilepruner:tau=0.1",
    "agilepruner:steer=entropy",
    "agilepruner:adaptive_count=true",
)
KNOBS = {
    "tau_max": ("0.15", "0.25", "0.35"),
    "erank_avg": ("70", "90", "95"),
    "step": ("0.005", "0.01", "0.02"),
    "centring": ("centred", "plain"),
    "layer": ("-2", "-1"),
    "signal": ("erank", "entropy"),
    "map": ("linear", "log"),
}
DEFAULTS = ("0.25", "90", "0.01", "centred", "-2", "erank", "linear")


def make_run(
    path: Path,
    n_images: int = 60,
    pruners=PRUNERS,
    keeps=(32, 16, 8),
    seed: int = 0,
    model: str = "data/pocket",
    shard: int = 25,
    questions: int = 2,
    drawable: bool = True,
    sweeps=(),
    extras: bool = False,
    full_tokens: int = GRID * GRID,
) -> Path:
    """Write a finished run and return its folder."""
    path.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    images = make_images(rng, n_images)
    if drawable:  # the development scenes of the embedded world, so that pixels exist
        images["image_id"] = load_dataset(f"scenes:dev:{n_images}").ids()
    variants = [("full", "full", full_tokens)]
    variants += [(f"{name}@{keep}", name, keep) for name in pruners for keep in keeps]
    variants += [(f"{spec}@16", spec, 16) for spec in sweeps]
    n_shards = 0
    for start in range(0, n_images, shard):
        part = images.iloc[start : start + shard]
        kept = pd.concat([make_kept(rng, part, *variant) for variant in variants])
        answers = pd.concat(
            [make_answers(rng, part, *variant, questions=questions) for variant in variants]
        )
        for name, frame in (("images", part), ("kept", kept), ("answers", answers)):
            table = pa.Table.from_pandas(
                frame.drop(columns="level", errors="ignore"), TABLES[name], preserve_index=False
            )
            pq.write_table(table, path / f"{name}-{n_shards:05d}.parquet")
        n_shards += 1
    if extras:
        make_extras(path, rng, images)
    config = {
        "model": model,
        "data": f"scenes:dev:{n_images}",
        "pruners": list(pruners),
        "keeps": list(keeps),
        "limit": n_images,
    }
    manifest = {"schema_version": SCHEMA_VERSION, "n_shards": n_shards, "config": config}
    (path / "run.json").write_text(json.dumps(manifest))
    return path


def make_images(rng, n):
    """Images whose erank and entropy grow with a hidden complexity."""
    level = rng.uniform(0, 1, size=n)
    attention = rng.dirichlet(np.full(GRID * GRID, 0.4), size=n).astype(np.float32) * 0.95
    count = 1 + np.floor(level * 5).astype(int)
    objects = [sorted(rng.choice(WORDS, size=k, replace=False).tolist()) for k in count]
    boxes = [
        json.dumps(
            [
                {"category": word, "bbox": [12.0 * place, 10.0 * place, 36.0, 36.0]}
                for place, word in enumerate(words)
            ]
        )
        for words in objects
    ]
    return pd.DataFrame(
        {
            "image_id": [f"{900000000 + place}" for place in range(n)],
            "dataset": "scenes",
            "file_name": [f"scene:{900000000 + place}" for place in range(n)],
            "width": 144,
            "height": 144,
            "status": "ok",
            "reason": None,
            "n_tokens": GRID * GRID,
            "grid_h": GRID,
            "grid_w": GRID,
            "entropy": 3.2 + 0.4 * level + rng.normal(0, 0.15, size=n),
            "erank": 18 + 25 * level + rng.normal(0, 2.5, size=n),
            "erank_plain": 17 + 25 * level + rng.normal(0, 2.5, size=n),
            "cls_attention": list(attention),
            "n_objects": count,
            "objects": objects,
            "boxes": boxes,
            "complexity": np.select([level < 0.33, level < 0.66], ["simple", "medium"], "complex"),
            "meta": json.dumps({"theme": "street"}),
            "level": level,
        }
    )


def make_kept(rng, images, variant, pruner, keep):
    """Kept sets: random tokens, with measures that follow the planted diversity."""
    n, total = len(images), GRID * GRID
    base = pruner.split(":")[0]
    factor = DIVERSITY.get(base, 0.9) if pruner != "full" else 1.5
    keep_share = min(keep / total, 1.0)
    erank = np.minimum(keep - 1, images["erank"] * factor * keep_share**0.35)
    chosen = np.sort(np.argsort(rng.random((n, total)), axis=1)[:, :keep], axis=1)
    dose = rng.random(n) if base in DESIGN else None
    if dose is not None:
        erank = erank + 2 * dose
    mass = 1.0 if pruner == "full" else keep_share ** (0.4 if factor < 0.9 else 0.7)
    return pd.DataFrame(
        {
            "image_id": images["image_id"].to_numpy(),
            "variant": variant,
            "pruner": pruner,
            "keep": keep,
            "n_out": keep,
            "indices": list(chosen.astype(np.int32)),
            "groups": [["attention"] * keep] * n,
            "erank": erank.to_numpy() + rng.normal(0, 0.3, size=n),
            "erank_plain": erank.to_numpy() + rng.normal(0, 0.3, size=n),
            "attention_mass": np.clip(mass + rng.normal(0, 0.03, size=n), 0.01, 1),
            "attention_mean": mass / keep,
            "pairwise_distance": 0.4 * factor,
            "coverage": np.clip(0.5 * factor + rng.normal(0, 0.03, size=n), 0, 1),
            "info": "{}" if dose is None else [json.dumps({"instrument": z}) for z in dose],
        }
    )


def make_answers(rng, images, variant, pruner, keep, questions=2):
    """Captions that invent more where diversity is higher, and yes/no answers."""
    base = pruner.split(":")[0]
    invent = 0.10 + 0.08 * (DIVERSITY.get(base, 0.9) - 0.7) / 0.5 + 0.5 / keep
    rows = []
    for objects, level in zip(images["objects"], images["level"], strict=True):
        seen = [word for word in objects if rng.random() < 0.85] or list(objects[:1])
        wrong = [word for word in WORDS if word not in objects and rng.random() < invent / 2.5]
        said = [f"a {word}" for word in [*seen, *wrong]]
        text = "the image features " + ", ".join(said) + "."
        rows.append(("caption", "caption", None, "describe", text, None))
        for place in range(questions):
            label = "yes" if place % 2 == 0 else "no"
            right = rng.random() < 0.97 - 0.08 * level - 0.4 / keep
            answer = label if right else {"yes": "no", "no": "yes"}[label]
            split = ("random", "adversarial")[place % 2]
            rows.append(("yesno", f"q{place}", split, "is there a dog?", answer, label))
    per = questions + 1
    frame = pd.DataFrame(
        rows, columns=["task", "question_id", "split", "question", "answer", "label"]
    )
    frame.insert(0, "image_id", np.repeat(images["image_id"].to_numpy(), per))
    return frame.assign(
        variant=variant, pruner=pruner, keep=keep, n_new_tokens=12, truncated=False
    )[TABLES["answers"].names]


def make_extras(path, rng, images):
    """The analyses beyond the three tables, with planted trends."""
    ids = images["image_id"].to_numpy()
    n = len(ids)
    rows = [
        pd.DataFrame(
            {
                "image_id": ids,
                "tau": tau,
                "keep": 16,
                "n_survivors": 40,
                "erank": 9 + 12 * tau + rng.normal(0, 0.5, n),
                "attention_mass": 0.5 - 0.6 * tau + rng.normal(0, 0.02, n),
                "pairwise_distance": 0.3 + tau,
                "coverage": 0.3 + tau,
                "indices": [np.sort(rng.choice(144, 16, replace=False)) for _ in ids],
            }
        )
        for tau in (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)
    ]
    _write(path, "threshold", rows)
    rows = []
    for knob, values in KNOBS.items():
        for place, value in enumerate(values):
            rows.append(
                pd.DataFrame(
                    {
                        "image_id": ids,
                        "knob": knob,
                        "value": value,
                        "is_default": value in DEFAULTS,
                        "keep": 16,
                        "erank": 12 + 0.4 * place + rng.normal(0, 0.4, n),
                        "attention_mass": 0.4 - 0.02 * place + rng.normal(0, 0.02, n),
                        "coverage": 0.4,
                        "jaccard": 1.0 if value in DEFAULTS else rng.uniform(0.5, 1, n),
                        "guide": 30.0,
                    }
                )
            )
    _write(path, "sensitivity", rows)
    rows = [_corrupted(rng, images, "clean", 0, 0.0)]
    for name, size in (("gaussian noise", 3.0), ("brightness", 0.5), ("jpeg", -1.0)):
        rows += [_corrupted(rng, images, name, level, size * level) for level in (1, 3, 5)]
    _write(path, "corruption", rows)
    rows = []
    for source, layers in (("cls", (3,)), ("text", (0, 1, 2, 3))):
        for layer in layers:
            lean = 0.0 if source == "cls" else 0.08 * (layer + 1)
            share = np.array([0.25 - 1.5 * lean / 3, 0.25 - lean / 3, 0.25, 0.25 + 2.5 * lean / 3])
            curve = np.linspace(0, 1, 51) ** (0.3 + 0.15 * layer)
            rows.append(
                pd.DataFrame(
                    {
                        "image_id": ids,
                        "source": source,
                        "layer": layer,
                        "n_tokens": 144,
                        "entropy": 3.2 + 0.2 * layer + rng.normal(0, 0.1, n),
                        "top_share": [rng.dirichlet(share * 60) for _ in ids],
                        "cumulative": [curve for _ in ids],
                        "profile": [rng.dirichlet(np.full(16, 8)) for _ in ids],
                    }
                )
            )
    _write(path, "attention", rows)


def _corrupted(rng, images, name, severity, shift):
    n = len(images)
    return pd.DataFrame(
        {
            "image_id": images["image_id"].to_numpy(),
            "corruption": name,
            "severity": severity,
            "entropy": images["entropy"].to_numpy() + 0.02 * shift + rng.normal(0, 0.01, n),
            "erank": images["erank"].to_numpy() + shift + rng.normal(0, 0.5, n),
            "erank_plain": images["erank"].to_numpy() + shift,
        }
    )


def _write(path, name, rows):
    pd.concat(rows, ignore_index=True).to_parquet(path / f"analysis-{name}-00000.parquet")
