"""MME: accuracy, accuracy+ and score per subtask, perception and cognition totals."""

from typing import Any

import pandas as pd

from analysis.datasets.mme import COGNITION, PERCEPTION
from analysis.scores.yesno import VARIANT, yesno_scores

GROUPS = {"perception": PERCEPTION, "cognition": COGNITION}
SUMS = ("n_images", "n", "n_neither")
COLUMNS = [*VARIANT, "group", "subtask", "score", "accuracy", "accuracy_plus", *SUMS]


def mme_table(run_or_answers: Any) -> pd.DataFrame:
    """Return MME's scores, one row per variant and subtask, then the totals.

    Accuracy is the share of questions answered rightly, accuracy+ the share of images whose two
    questions both are; a subtask's score is 100 (accuracy + accuracy+), 0 to 200. An answer that
    is read as neither yes nor no is wrong (official ``calculation.py``).

    Parameters
    ----------
    run_or_answers
        A run, a run folder, or an answers table with ``split`` = subtask.

    Returns
    -------
    pandas.DataFrame
        ``variant, pruner, keep, group, subtask, score, accuracy, accuracy_plus, n_images, n,
        n_neither``. Rows ``subtask="total"`` of groups perception (0 to 2000), cognition (0 to
        800) and all (0 to 2800) sum the scores; NaN when a subtask is missing.

    Raises
    ------
    ValueError
        If a subtask is unknown, a label or answer is missing, or an image has not exactly two
        answers.
    """
    scored = yesno_scores(run_or_answers, reading="mme")
    _check(scored)
    rows: list[dict[str, Any]] = []
    for key, group in scored.groupby(VARIANT, sort=False, dropna=False):
        variant = dict(zip(VARIANT, key, strict=True))
        subtasks = {str(name): _subtask(part) for name, part in group.groupby("split", sort=False)}
        totals: list[dict[str, Any]] = []
        for name, members in GROUPS.items():
            here = [subtasks[member] for member in members if member in subtasks]
            rows += [
                {**variant, "group": name, "subtask": member, **subtasks[member]}
                for member in members
                if member in subtasks
            ]
            totals.append(_total(variant, name, here, len(members)))
        everything = len(PERCEPTION) + len(COGNITION)
        totals.append(_total(variant, "all", list(subtasks.values()), everything))
        rows += totals
    return pd.DataFrame(rows, columns=COLUMNS)


def _subtask(answers: pd.DataFrame) -> dict[str, Any]:
    correct = answers["correct"].astype(bool)
    both = correct.groupby(answers["image_id"]).all()
    accuracy, plus = float(correct.mean()), float(both.mean())
    return {
        "score": 100 * (accuracy + plus),
        "accuracy": accuracy,
        "accuracy_plus": plus,
        "n_images": len(both),
        "n": len(answers),
        "n_neither": int((answers["prediction"] == "other").sum()),
    }


def _total(
    variant: dict[str, Any], group: str, parts: list[dict[str, Any]], expected: int
) -> dict[str, Any]:
    complete = len(parts) == expected
    return {
        **variant,
        "group": group,
        "subtask": "total",
        "score": sum(part["score"] for part in parts) if complete else float("nan"),
        "accuracy": float("nan"),
        "accuracy_plus": float("nan"),
        **{name: sum(part[name] for part in parts) for name in SUMS},
    }


def _check(scored: pd.DataFrame) -> None:
    known = {*PERCEPTION, *COGNITION}
    strange = [name for name in scored["split"].unique() if name not in known]
    if strange:
        raise ValueError(f"split={strange[0]!r} is no MME subtask; known: {', '.join(known)}")
    if scored["correct"].isna().any():
        first = scored.loc[scored["correct"].isna(), "image_id"].iloc[0]
        raise ValueError(f"image {first!r} has a question without label or answer")
    sizes = scored.groupby([*VARIANT, "split", "image_id"], dropna=False).size()
    odd = sizes[sizes != 2]
    if len(odd):
        image_id = odd.index[0][-1]
        raise ValueError(
            f"image {image_id!r} has {odd.iloc[0]} answers, MME has 2; let the run finish"
        )
