"""Synthetic runs of MME, ScienceQA and POPE: a synthetic run whose answers are replaced."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.benchmarks import SPLITS, SUBTASKS
from analysis.runs import TABLES

CHANCE = {"full": 0.9, "random": 0.6, "fastervlm": 0.7, "divprune": 0.85}


def as_benchmark(path, name, subtasks=SUBTASKS, seed=0):
    """Turn a synthetic run into one of ``mme``, ``scienceqa-img`` or ``pope``; returns its folder.

    Answers are right with a chance that depends on the pruner; some cannot be read.
    """
    rng = np.random.default_rng(seed)
    for file in sorted(path.glob("images-*.parquet")):
        images = pd.read_parquet(file)
        place = int(file.stem.split("-")[1]) * 1000 + np.arange(len(images))
        part = [subtasks[number % len(subtasks)] for number in place]
        key = {"mme": "subtask", "scienceqa-img": "subject"}.get(name)
        meta = [json.dumps({key: each} if key else {}) for each in part]
        images = images.assign(dataset=name, meta=meta, objects=None, boxes=None, complexity=None)
        images["n_objects"] = None
        answers = file.with_name(file.name.replace("images", "answers"))
        said = pd.read_parquet(answers).drop_duplicates(["image_id", "variant"])
        subtask = dict(zip(images["image_id"], part, strict=True))
        rows = [row for each in said.to_dict("records") for row in asked(each, name, subtask, rng)]
        for table, frame, where in (
            ("images", images, file),
            ("answers", pd.DataFrame(rows), answers),
        ):
            pq.write_table(
                pa.Table.from_pandas(
                    frame[TABLES[table].names], TABLES[table], preserve_index=False
                ),
                where,
            )
    manifest = json.loads((path / "run.json").read_text())
    manifest["config"]["data"] = f"{name}:copy"
    (path / "run.json").write_text(json.dumps(manifest))
    return path


def asked(row, name, subtask, rng):
    """Return the answers of one image and variant."""
    base = row["pruner"].split(":")[0]
    if name == "scienceqa-img":
        questions = [("q0", "choice", subtask[row["image_id"]], "ABC"[rng.integers(3)])]
    elif name == "mme":
        part = subtask[row["image_id"]]
        questions = [("q0", "yesno", part, "yes"), ("q1", "yesno", part, "no")]
    else:
        labels = ("yes", "no", "yes", "no")
        questions = [
            (f"{split}-{place}", "yesno", split, label)
            for split in SPLITS
            for place, label in enumerate(labels)
        ]
    wrong = {"yes": "No.", "no": "Yes.", "A": "B", "B": "The answer is C.", "C": "A. one"}
    for question_id, task, split, label in questions:
        answer = label.capitalize() if rng.random() < CHANCE.get(base, 0.75) else wrong[label]
        answer = "I cannot tell" if rng.random() < 0.05 else answer
        yield row | {
            "task": task,
            "question_id": question_id,
            "split": split,
            "answer": answer,
            "label": label,
        }
