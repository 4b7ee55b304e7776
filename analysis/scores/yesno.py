"""Yes/no answers read as the official scorers read them, one row an answer."""

import re
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from analysis.runs import Run

Reading = Literal["pope", "mme"]

#: What identifies an answer's model variant in every scored frame.
VARIANT = ["variant", "pruner", "keep"]
COLUMNS = [
    "image_id", *VARIANT, "question_id", "split", "label",
    "answer", "prediction", "neither", "correct",
]  # fmt: skip
_YES_OR_NO = re.compile(r"\b(yes|no|not)\b|n['’]t\b", re.IGNORECASE)


def answers_of(run_or_answers: Any) -> pd.DataFrame:
    """Return the answers table of a run, a run folder, or a table itself.

    Raises
    ------
    TypeError
        If it is none of these.
    UsageError
        If a folder is no run.
    """
    if isinstance(run_or_answers, pd.DataFrame):
        return run_or_answers
    if isinstance(run_or_answers, str | Path):
        return Run.open(run_or_answers).answers
    found = getattr(run_or_answers, "answers", None)
    found = found() if callable(found) else found
    if not isinstance(found, pd.DataFrame):
        raise TypeError(f"{type(run_or_answers).__name__} is no run, run folder or answers table")
    return found


def of_task(run_or_answers: Any, task: str) -> pd.DataFrame:
    """Return a copy of the answers to questions of one task, index from 0.

    Raises
    ------
    ValueError
        If a column of the answers schema is missing.
    """
    answers = answers_of(run_or_answers)
    needed = ["image_id", *VARIANT, "task", "question_id", "split", "answer", "label"]
    missing = [name for name in needed if name not in answers.columns]
    if missing:
        raise ValueError(f"the answers table lacks the column {', '.join(missing)}")
    return answers[answers["task"] == task].reset_index(drop=True)


def read_pope(answer: str) -> str:
    """Return how POPE's and LLaVA's scorer reads an answer: ``"no"`` or else ``"yes"``.

    Only the text before the first full stop counts; commas go; the answer is no if one of the
    blank-separated words is exactly No, no or not. Everything else counts as yes, "maybe" too.
    Source: RUCAIBox/POPE ``evaluate.py``, LLaVA ``eval_pope.py``; the answer is stripped first,
    as LLaVA's runner does.
    """
    words = answer.strip().split(".")[0].replace(",", "").split(" ")
    return "no" if {"No", "no", "not"} & set(words) else "yes"


def read_mme(answer: str) -> str:
    """Return how MME's ``calculation.py`` reads an answer: ``"yes"``, ``"no"`` or ``"other"``.

    The first four characters, lower-cased, decide; ``yes`` is looked for before ``no``. The answer
    is stripped first.
    """
    start = answer.strip().lower()[:4]
    if "yes" in start:
        return "yes"
    return "no" if "no" in start else "other"


def is_neither(answer: str) -> bool:
    """Return whether an answer has none of the words yes, no, not (any case)."""
    return _YES_OR_NO.search(answer) is None


def yesno_scores(run_or_answers: Any, reading: Reading = "pope") -> pd.DataFrame:
    """Return one row per answer to a yes/no question.

    Parameters
    ----------
    run_or_answers
        A run, a run folder, or an answers table of the records schema.
    reading
        Which official scorer's reading decides ``prediction``: ``"pope"`` or ``"mme"``.

    Returns
    -------
    pandas.DataFrame
        ``image_id, variant, pruner, keep, question_id, split, label, answer`` as recorded,
        ``prediction`` (yes, no; for MME also other), ``neither`` (no yes, no or not in the
        answer), ``correct`` (nullable: NA where the label or the answer is missing).

    Raises
    ------
    ValueError
        If ``reading`` is unknown, a column is missing, or a label is neither yes nor no.
    """
    readers = {"pope": read_pope, "mme": read_mme}
    if reading not in readers:
        raise ValueError(f"reading={reading!r} is unknown; choose one of: {', '.join(readers)}")
    scored = of_task(run_or_answers, "yesno")
    labels = scored["label"].astype("string").str.strip().str.lower()
    strange = sorted(set(labels.dropna()) - {"yes", "no"})
    if strange:
        raise ValueError(f"yes/no questions have the label {strange[0]!r}; allowed: yes, no")
    answer = scored["answer"].astype("string")
    scored["label"] = labels
    scored["prediction"] = answer.map(readers[reading], na_action="ignore").astype("string")
    scored["neither"] = answer.map(is_neither, na_action="ignore").astype("boolean")
    scored["correct"] = (scored["prediction"] == labels).astype("boolean")
    return scored[COLUMNS]
