"""MME: accuracy, accuracy+ and score per subtask, perception and cognition totals."""

from typing import Any

import pandas as pd

from analysis.benchmarks import COGNITION, PERCEPTION, SUBTASKS
from analysis.scores.yesno import VARIANT, yesno_scores

GROUPS = {"perception": PERCEPTION, "cognition": COGNITION}
RATES = ["score", "accuracy", "accuracy_plus"]
SUMS = ["n_images", "n", "n_neither"]
COLUMNS = [*VARIANT, "group", "subtask", *RATES, *SUMS]


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
    images = mme_images(run_or_answers)
    _check(images)
    tables = [pd.DataFrame(columns=COLUMNS)]
    for _, part in images.groupby(VARIANT, sort=False, dropna=False):
        sums = part.groupby("split", sort=False)[["n_images", "n_pairs", *_ANSWERS]].sum()
        sums = sums.reindex([name for name in SUBTASKS if name in sums.index])
        sums["accuracy"] = sums["n_correct"] / sums["n"]
        sums["accuracy_plus"] = sums["n_pairs"] / sums["n_images"]
        sums["score"] = 100 * (sums["accuracy"] + sums["accuracy_plus"])
        sums["group"] = ["perception" if name in PERCEPTION else "cognition" for name in sums.index]
        totals = [_total(sums, name, names) for name, names in GROUPS.items()]
        totals.append(_total(sums, "all", SUBTASKS))
        table = pd.concat([sums.rename_axis("subtask").reset_index(), pd.DataFrame(totals)])
        variant = {name: part[name].iloc[0] for name in VARIANT}
        tables.append(table.assign(**variant))
    return pd.concat(tables[1:] or tables, ignore_index=True)[COLUMNS]


_ANSWERS = ["n", "n_correct", "n_neither", "n_missing"]


def mme_images(run_or_answers: Any) -> pd.DataFrame:
    """Count the answers about each image, one row per variant and image of a subtask.

    Returns
    -------
    pandas.DataFrame
        ``variant, pruner, keep, split, image_id``; of its two answers ``n`` have answer and label,
        ``n_missing`` lack one, ``n_correct`` are right, ``n_neither`` are no yes and no no;
        ``n_images`` is 1, ``n_pairs`` 1 where both are right.
    """
    scored = yesno_scores(run_or_answers, reading="mme")
    known = scored["correct"].notna()
    answered = scored.assign(
        n=known.astype(int),
        n_correct=scored["correct"].fillna(False).astype(int),
        n_neither=(scored["prediction"] == "other").fillna(False).astype(int),
        n_missing=(~known).astype(int),
    )
    keys = [*VARIANT, "split", "image_id"]
    counts = answered.groupby(keys, sort=False, observed=True, dropna=False)[_ANSWERS].sum()
    both = ((counts["n"] == 2) & (counts["n_correct"] == 2)).astype(int)
    return counts.assign(n_images=1, n_pairs=both).reset_index()


def _total(subtasks: pd.DataFrame, group: str, expected: tuple[str, ...]) -> dict[str, Any]:
    """Sum the subtasks of one group."""
    here = subtasks[subtasks.index.isin(expected)]
    score = sum(here["score"]) if len(here) == len(expected) else float("nan")
    sums = {name: int(here[name].sum()) for name in SUMS}
    return {"group": group, "subtask": "total", "score": score, **sums}


def _check(images: pd.DataFrame) -> None:
    strange = [name for name in images["split"].unique() if name not in SUBTASKS]
    if strange:
        raise ValueError(f"split={strange[0]!r} is no MME subtask; known: {', '.join(SUBTASKS)}")
    if images["n_missing"].any():
        first = images.loc[images["n_missing"] > 0, "image_id"].iloc[0]
        raise ValueError(f"image {first!r} has a question without label or answer")
    odd = images[images["n"] != 2]
    if len(odd):
        first = odd.iloc[0]
        raise ValueError(
            f"image {first['image_id']!r} has {first['n']} answers, MME has 2; let the run finish"
        )
