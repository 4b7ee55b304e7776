"""POPE: accuracy, precision, recall, F1 and the share of yes, per split (Li et al. 2023)."""

from typing import Any, Literal

import pandas as pd

from analysis.datasets.pope import SPLITS
from analysis.scores.yesno import VARIANT, yesno_scores

METRICS = ("accuracy", "precision", "recall", "f1", "yes_share")
COUNTS = ("tp", "fp", "tn", "fn", "n", "n_neither", "n_missing")

Neither = Literal["yes", "wrong"]


def pope_table(run_or_answers: Any, neither: Neither = "yes") -> pd.DataFrame:
    """Return POPE's metrics, one row per variant and split.

    Yes is the positive class. F1 is 2 tp / (2 tp + fp + fn), which equals the official
    2 precision recall / (precision + recall) wherever that is defined.

    Parameters
    ----------
    run_or_answers
        A run, a run folder, or an answers table.
    neither
        What an answer without yes, no or not counts as: ``"yes"`` as in the official scorer, or
        ``"wrong"``: incorrect, and not a yes.

    Returns
    -------
    pandas.DataFrame
        ``variant, pruner, keep, split``, the metrics (0 to 1; NaN where the denominator is 0),
        ``tp, fp, tn, fn``, ``n`` answers scored, ``n_neither`` of them without yes or no, and
        ``n_missing`` without answer or label, which are not scored. Where a variant has all three
        splits, a row ``split="mean"`` gives the unweighted mean of each metric over them, the one
        number papers print, and the summed counts.

    Raises
    ------
    ValueError
        If ``neither`` is unknown, or the answers cannot be read (:func:`yesno_scores`).
    """
    if neither not in ("yes", "wrong"):
        raise ValueError(f"neither={neither!r} is unknown; choose one of: yes, wrong")
    scored = yesno_scores(run_or_answers)
    rows: list[dict[str, Any]] = []
    for key, answers in scored.groupby(VARIANT, sort=False, dropna=False):
        variant = dict(zip(VARIANT, key, strict=True))
        splits = {
            name: {**variant, "split": name, **_metrics(part, neither)}
            for name, part in answers.groupby("split", sort=False, dropna=False)
        }
        rows += splits.values()
        if set(SPLITS) <= set(splits):
            rows.append({**variant, "split": "mean", **_mean([splits[n] for n in SPLITS])})
    return pd.DataFrame(rows, columns=[*VARIANT, "split", *METRICS, *COUNTS])


def _metrics(group: pd.DataFrame, neither: Neither) -> dict[str, Any]:
    known = group[group["correct"].notna()]
    counts = confusion(known, neither)
    tp, fp, tn, fn = (counts[name] for name in ("tp", "fp", "tn", "fn"))
    n = len(known)
    yes = tp + fp
    return {
        "accuracy": ratio(tp + tn, n),
        "precision": ratio(tp, tp + fp),
        "recall": ratio(tp, tp + fn),
        "f1": ratio(2 * tp, 2 * tp + fp + fn),
        "yes_share": ratio(yes, n),
        **counts,
        "n": n,
        "n_neither": int(known["neither"].sum()),
        "n_missing": len(group) - n,
    }


def confusion(scored: pd.DataFrame, neither: Neither = "yes") -> dict[str, int]:
    """Count true and false positives and negatives of answered, labelled rows.

    With ``neither="wrong"`` an unreadable answer to a yes question is a false negative; to a no
    question it is none of the four, but still one of the n answers.
    """
    says_yes = scored["prediction"] == "yes"
    says_no = scored["prediction"] == "no"
    is_yes = scored["label"] == "yes"
    if neither == "wrong":
        unread = scored["neither"].astype(bool)
        says_yes, says_no = says_yes & ~unread, (says_no & ~unread) | (unread & is_yes)
    return {
        "tp": int((says_yes & is_yes).sum()),
        "fp": int((says_yes & ~is_yes).sum()),
        "tn": int((says_no & ~is_yes).sum()),
        "fn": int((says_no & is_yes).sum()),
    }


def ratio(part: int, whole: int) -> float:
    """Return ``part / whole``, NaN when the whole is 0."""
    return part / whole if whole else float("nan")


def _mean(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Average the metrics of the splits (NaN if one is) and sum their counts."""
    means = {name: sum(row[name] for row in rows) / len(rows) for name in METRICS}
    return {**means, **{name: sum(row[name] for row in rows) for name in COUNTS}}
