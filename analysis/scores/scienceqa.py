"""ScienceQA-IMG: accuracy of lettered choices, read as LLaVA's scorer reads them."""

import re
from typing import Any

import pandas as pd

from analysis.scores.yesno import VARIANT, of_task

OPTIONS = ("A", "B", "C", "D", "E")
_SENTENCES = (re.compile(r"The answer is ([A-E])\."), re.compile(r"The answer is ([A-E])"))


def read_choice(answer: str) -> str | None:
    """Return the letter of an answer, or None when there is none.

    In this order: the whole answer is a letter; it starts with a letter, a full stop and a blank
    (or line break); it contains "The answer is X.", or else "The answer is X".
    Source: LLaVA ``eval_science_qa.py``.
    """
    text = answer.replace("\n", ". ")
    if text.strip() in OPTIONS:
        return text.strip()
    if text[:1] in OPTIONS and text[1:3] == ". ":
        return text[0]
    for sentence in _SENTENCES:
        if match := sentence.search(text):
            return match[1]
    return None


def scienceqa_scores(run_or_answers: Any) -> pd.DataFrame:
    """Return one row per multiple-choice answer.

    Returns
    -------
    pandas.DataFrame
        ``image_id, variant, pruner, keep, question_id, split, label, answer``, ``prediction``
        (a letter, or NA when none can be read) and ``correct`` (nullable: NA where the label or
        the answer is missing; an answer without a letter is wrong).
    """
    scored = of_task(run_or_answers, "choice")
    answer = scored["answer"].astype("string")
    label = scored["label"].astype("string").str.strip()
    scored["label"] = label
    scored["prediction"] = answer.map(read_choice, na_action="ignore").astype("string")
    right = (scored["prediction"] == label).fillna(False).astype("boolean")
    scored["correct"] = right.mask(label.isna() | answer.isna())
    columns = ["image_id", *VARIANT, "question_id", "split", "label", "answer"]
    return scored[[*columns, "prediction", "correct"]]


def choice_counts(run_or_answers: Any) -> pd.DataFrame:
    """Return one row an answer with 0 or 1: scored (``n``), right, unread, or missing.

    Returns
    -------
    pandas.DataFrame
        ``image_id, variant, pruner, keep, n, n_correct, n_unread, n_missing``; what is missing is
        neither right nor unread.
    """
    scored = scienceqa_scores(run_or_answers)
    known = scored["correct"].notna()
    counts = {
        "n": known,
        "n_correct": scored["correct"].fillna(False),
        "n_unread": known & scored["prediction"].isna(),
        "n_missing": ~known,
    }
    answered = scored[["image_id", *VARIANT]]
    return answered.assign(**{name: count.astype(int) for name, count in counts.items()})


def scienceqa_table(run_or_answers: Any) -> pd.DataFrame:
    """Return the accuracy per variant.

    Returns
    -------
    pandas.DataFrame
        ``variant, pruner, keep, accuracy`` (0 to 1; NaN when nothing is scored), ``n`` scored,
        ``n_unread`` of them without a letter, ``n_missing`` without answer or label.
    """
    shown = ["n", "n_unread", "n_missing"]
    groups = choice_counts(run_or_answers).groupby(VARIANT, sort=False, dropna=False)
    table = groups[[*shown, "n_correct"]].sum().reset_index()
    table["accuracy"] = table["n_correct"] / table["n"]
    return table[[*VARIANT, "accuracy", *shown]]
