"""Answers into counts per image × variant, a few shards at a time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.errors import AgileError

# Names of data sets in the records whose scorers read answers their own way.
MME, POPE = "mme", "pope"
_KEYS = ["image_id", "variant"]
_NUMBERS = ["n_mentions", "n_hallucinated", "n_recalled", "n_gt", "length"]


@dataclass(frozen=True)
class Part:
    """Some images and the answers given about them, as scorers read a run."""

    images: pd.DataFrame
    answers: pd.DataFrame


def count_chair(parts: Iterable[Part]) -> pd.DataFrame:
    """Score captions and keep the counts only.

    Returns
    -------
    DataFrame
        ``image_id, variant, n_mentions, n_hallucinated, n_recalled, n_gt, length`` and
        ``any_hallucinated`` (0 or 1), ``log_length``. Images without annotated objects have no
        row; empty when no image has.
    """
    from analysis.scores.chair import chair_scores

    found = []
    for part in parts:
        try:
            found.append(chair_scores(part)[[*_KEYS, *_NUMBERS]])
        except AgileError:  # none of these images is annotated: CHAIR has no meaning there
            continue
    counts = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=_KEYS)
    if found:
        counts["any_hallucinated"] = (counts["n_hallucinated"] > 0).astype(float)
        length = counts["length"].astype(float)
        counts["log_length"] = np.log(length.where(length > 0))
    return counts


def scored_captions(parts: Iterable[Part], variants: Sequence[str]) -> pd.DataFrame:
    """Score the captions of some variants and keep words, spans and ``answer``; perhaps empty."""
    from analysis.scores.chair import chair_scores

    found = []
    for part in parts:
        said = part.answers[part.answers["variant"].isin(list(variants))]
        try:
            scored = chair_scores(Part(part.images, said))
        except AgileError:  # no annotated image, or none of these variants, among them
            continue
        found.append(scored.merge(said[[*_KEYS, "answer"]], on=_KEYS))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=_KEYS)


def count_questions(yesno: Iterable[Part], choices: Iterable[Part]) -> pd.DataFrame:
    """Count all answers to questions; columns as in `count_yesno` and `count_choices`."""
    found = [counts for counts in (count_yesno(yesno), count_choices(choices)) if len(counts)]
    if len(found) == 2:
        return found[0].merge(found[1], on=_KEYS, how="outer")
    return found[0] if found else pd.DataFrame(columns=_KEYS)


def count_yesno(parts: Iterable[Part]) -> pd.DataFrame:
    """Count yes/no answers per image × variant, each read as its benchmark's scorer reads it.

    Parameters
    ----------
    parts
        Images (with ``dataset``) and yes/no answers; answers without a verdict are left out.

    Returns
    -------
    DataFrame
        ``image_id, variant, n_correct, n_answered``; for all but MME ``f1_numerator,
        f1_denominator`` ("yes" is the positive class), for POPE also by split
        (``f1_numerator:popular`` and so on). For MME ``n_pairs`` (1 an image),
        ``n_pairs_correct`` (both questions right) and ``mme:SUBTASK``, the points of an image in
        its subtask: 0, 50 or 200, whose mean is 100 (accuracy + accuracy+).
    """
    counted = []
    for part in parts:
        dataset = part.answers["image_id"].map(part.images.set_index("image_id")["dataset"])
        is_mme = (dataset == MME).to_numpy()
        if is_mme.any():
            counted.append(_mme_counts(part.answers[is_mme]))
        if not is_mme.all():
            is_pope = (dataset == POPE).to_numpy()[~is_mme]
            counted.append(_yesno_counts(part.answers[~is_mme], is_pope))
    return pd.concat(counted, ignore_index=True) if counted else pd.DataFrame(columns=_KEYS)


def _yesno_counts(answers: pd.DataFrame, is_pope: NDArray[np.bool_]) -> pd.DataFrame:
    from analysis.scores.yesno import yesno_scores

    scored = yesno_scores(answers)
    known = scored["correct"].notna().to_numpy()
    judged, is_pope = scored[known], is_pope[known]
    correct = judged["correct"].astype(float)
    positive = judged["label"].astype(str).str.startswith("y")
    said = correct.astype(bool) == positive
    counts = judged[_KEYS].assign(
        n_correct=correct,
        n_answered=1.0,
        f1_numerator=2.0 * (positive & said),
        f1_denominator=positive.astype(float) + said.astype(float),
    )
    for split in sorted(set(judged["split"][is_pope].dropna())):
        here = is_pope & (judged["split"] == split).to_numpy()
        for name in ("f1_numerator", "f1_denominator"):
            counts[f"{name}:{split}"] = counts[name].where(here)
    return counts.groupby(_KEYS, as_index=False, observed=True).sum(min_count=1)


def _mme_counts(answers: pd.DataFrame) -> pd.DataFrame:
    from analysis.scores.yesno import yesno_scores

    scored = yesno_scores(answers, reading="mme")
    judged = scored[scored["correct"].notna()]
    judged = judged.assign(correct=judged["correct"].astype(float))
    grouped = judged.groupby([*_KEYS, "split"], observed=True)["correct"]
    counts = grouped.agg(n_correct="sum", n_answered="count").astype(float).reset_index()
    pair = (counts["n_answered"] == 2).to_numpy()  # an unfinished image has no score
    right = counts["n_correct"].to_numpy()
    counts["n_pairs"] = np.where(pair, 1.0, np.nan)
    counts["n_pairs_correct"] = np.where(pair, right == 2, np.nan)
    points = np.where(pair, 50 * right + 100 * (right == 2), np.nan)
    for subtask in sorted(set(counts["split"])):
        counts[f"mme:{subtask}"] = np.where(counts["split"] == subtask, points, np.nan)
    return counts.drop(columns="split")


def count_choices(parts: Iterable[Part]) -> pd.DataFrame:
    """Count lettered answers per image × variant: ``n_choices`` judged, ``n_choices_correct``."""
    from analysis.scores.scienceqa import scienceqa_scores

    counted = []
    for part in parts:
        answers = scienceqa_scores(part.answers)
        judged = answers[answers["correct"].notna()]
        counts = judged[_KEYS].assign(
            n_choices_correct=judged["correct"].astype(float), n_choices=1.0
        )
        counted.append(counts.groupby(_KEYS, as_index=False, observed=True).sum())
    return pd.concat(counted, ignore_index=True) if counted else pd.DataFrame(columns=_KEYS)
