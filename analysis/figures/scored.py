"""Answers into counts per image × variant, a few shards at a time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.errors import AgileError

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
    """Score the captions of some variants and keep words, spans and text; perhaps empty."""
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


def count_yesno(parts: Iterable[Part]) -> pd.DataFrame:
    """Count answers per image × variant for accuracy and F1 ("yes" is the positive class).

    Parameters
    ----------
    parts
        Images and yes/no answers; answers without a verdict are left out.
    """
    from analysis.scores.yesno import yesno_scores

    counted = []
    for part in parts:
        answers = yesno_scores(part)
        judged = answers[answers["correct"].notna()]
        correct = judged["correct"].astype(float)
        positive = judged["label"].astype(str).str.lower().str.startswith("y")
        said = correct.astype(bool) == positive
        counts = judged[_KEYS].assign(
            n_correct=correct,
            n_answered=1.0,
            f1_numerator=2.0 * (positive & said),
            f1_denominator=positive.astype(float) + said.astype(float),
        )
        counted.append(counts.groupby(_KEYS, as_index=False, observed=True).sum())
    return pd.concat(counted, ignore_index=True) if counted else pd.DataFrame()
