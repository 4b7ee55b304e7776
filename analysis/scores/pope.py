"""POPE: accuracy, precision, recall, F1 and the share of yes, per split (Li et al. 2023)."""

from typing import Any, Literal

import pandas as pd

from analysis.benchmarks import SPLITS
from analysis.scores.yesno import VARIANT, yesno_scores

METRICS = ["accuracy", "precision", "recall", "f1", "yes_share"]
COUNTS = ["tp", "fp", "tn", "fn", "n", "n_neither", "n_missing"]

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
    counts = confusion(run_or_answers, neither)
    columns = [*VARIANT, "split", *METRICS, *COUNTS]
    tables = [pd.DataFrame(columns=columns)]
    for _, part in counts.groupby(VARIANT, sort=False, dropna=False):
        table = part.groupby([*VARIANT, "split"], sort=False, dropna=False)[COUNTS].sum()
        table = table.reset_index().assign(**{name: float("nan") for name in METRICS})
        table[METRICS] = _metrics(table)
        tables.append(table)
        if set(SPLITS) <= set(table["split"]):
            tables.append(_mean(table[table["split"].isin(SPLITS)]))
    return pd.concat(tables[1:] or tables, ignore_index=True)[columns]


def confusion(run_or_answers: Any, neither: Neither = "yes") -> pd.DataFrame:
    """Return one row an answer with `COUNTS`, each 0 or 1; their sums make every metric.

    With ``neither="wrong"`` an unreadable answer to a yes question is a false negative; to a no
    question it is none of the four, but still one of the n answers. Arguments as in `pope_table`.
    """
    scored = yesno_scores(run_or_answers)
    known = scored["correct"].notna()
    unread = scored["neither"].fillna(False).astype(bool)
    is_yes = known & (scored["label"] == "yes").fillna(False)
    is_no = known & ~is_yes
    says_yes = (scored["prediction"] == "yes").fillna(False).astype(bool)
    dodges = unread & (neither == "wrong")
    counts = {
        "tp": is_yes & says_yes & ~dodges,
        "fp": is_no & says_yes & ~dodges,
        "tn": is_no & ~says_yes & ~dodges,
        "fn": is_yes & (~says_yes | dodges),
        "n": known,
        "n_neither": known & unread,
        "n_missing": ~known,
    }
    answered = scored[["image_id", *VARIANT, "split"]]
    return answered.assign(**{name: count.astype(int) for name, count in counts.items()})


def _metrics(counts: pd.DataFrame) -> pd.DataFrame:
    """Return the metrics of each row of counts, NaN where a denominator is 0."""
    tp, fp, tn, fn, n = (counts[name] for name in ("tp", "fp", "tn", "fn", "n"))
    return pd.DataFrame(
        {
            "accuracy": (tp + tn) / n,
            "precision": tp / (tp + fp),
            "recall": tp / (tp + fn),
            "f1": 2 * tp / (2 * tp + fp + fn),
            "yes_share": (tp + fp) / n,
        }
    )


def _mean(rows: pd.DataFrame) -> pd.DataFrame:
    """Average the metrics of the splits (NaN if one is) and sum their counts."""
    means = {name: rows[name].mean(skipna=False) for name in METRICS}
    sums = {name: rows[name].sum() for name in COUNTS}
    return rows[VARIANT].head(1).assign(split="mean", **means, **sums)
