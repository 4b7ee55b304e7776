"""All answers of a run as counts per image × variant, a few shards at a time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.benchmarks import MME, POPE
from analysis.errors import AgileError
from analysis.scores.chair import chair_scores
from analysis.scores.mme import mme_images
from analysis.scores.pope import confusion
from analysis.scores.scienceqa import choice_counts, scienceqa_scores
from analysis.scores.yesno import yesno_scores

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
        ``image_id, variant, n_mentions, n_hallucinated, n_recalled, n_gt, length``, ``n_right``
        (mentions that are none of the invented), ``any_hallucinated`` (0 or 1), ``log_length``, and
        ``truncated`` (0 or 1: the caption ended at the token limit) where the run recorded it.
        Images without annotated objects have no row; empty when no image has.
    """
    counts = _joined(
        scored[[name for name in (*_KEYS, *_NUMBERS, "truncated") if name in scored]]
        for _, scored in _annotated(parts)
    )
    if len(counts):
        counts["n_right"] = counts["n_mentions"] - counts["n_hallucinated"]
        counts["any_hallucinated"] = (counts["n_hallucinated"] > 0).astype(float)
        length = counts["length"].astype(float)
        counts["log_length"] = np.log(length.where(length > 0))
    return counts


def scored_captions(parts: Iterable[Part], variants: Sequence[str]) -> pd.DataFrame:
    """Score the captions of some variants and keep words, spans and ``answer``; perhaps empty."""
    chosen = (
        Part(part.images, part.answers[part.answers["variant"].isin(list(variants))])
        for part in parts
    )
    return _joined(
        scored.merge(part.answers[[*_KEYS, "answer"]], on=_KEYS)
        for part, scored in _annotated(chosen)
    )


def count_questions(yesno: Iterable[Part], choices: Iterable[Part]) -> pd.DataFrame:
    """Count all answers to questions; columns as in `count_yesno` and `count_choices`."""
    found = [counts for counts in (count_yesno(yesno), count_choices(choices)) if len(counts)]
    if len(found) == 2:
        return found[0].merge(found[1], on=_KEYS, how="outer")
    return found[0] if found else pd.DataFrame(columns=_KEYS)


def judged_answers(yesno: Iterable[Part], choices: Iterable[Part]) -> pd.DataFrame:
    """Judge every answer to a question, each as its benchmark's scorer reads it.

    Returns
    -------
    DataFrame
        ``image_id, variant, task, question_id, correct`` (0 or 1); answers without a verdict have
        no row. Sums over questions are the counts of `count_questions`.
    """
    found = [_verdicts(scored, "yesno") for part in yesno for scored in _judged(part)]
    found += [_verdicts(scienceqa_scores(part.answers), "choice") for part in choices]
    columns = [*_KEYS, "task", "question_id", "correct"]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=columns)


def _judged(part: Part) -> Iterator[pd.DataFrame]:
    """Yield yes/no answers with ``correct``, those to MME read as MME does."""
    dataset = part.answers["image_id"].map(part.images.set_index("image_id")["dataset"])
    for is_mme, chosen in part.answers.groupby((dataset == MME).to_numpy()):
        yield yesno_scores(chosen, "mme" if is_mme else "pope")


def _verdicts(scored: pd.DataFrame, task: str) -> pd.DataFrame:
    known = scored.loc[scored["correct"].notna(), [*_KEYS, "question_id", "correct"]]
    return known.assign(task=task, correct=known["correct"].astype(float))


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
    return _joined(counts for part in parts for counts in _yesno(part))


def _yesno(part: Part) -> Iterator[pd.DataFrame]:
    dataset = part.answers["image_id"].map(part.images.set_index("image_id")["dataset"])
    # Only POPE's splits are scored one by one.
    answers = part.answers.assign(split=part.answers["split"].where(dataset.isin([MME, POPE])))
    for is_mme, chosen in answers.groupby((dataset == MME).to_numpy()):
        yield _mme_counts(chosen) if is_mme else _yesno_counts(chosen)


def _yesno_counts(answers: pd.DataFrame) -> pd.DataFrame:
    judged = confusion(answers)
    judged = judged[judged["n"] > 0]
    counts = judged[_KEYS].assign(
        n_correct=1.0 * (judged["tp"] + judged["tn"]),
        n_answered=1.0,
        f1_numerator=2.0 * judged["tp"],
        f1_denominator=2.0 * judged["tp"] + judged["fp"] + judged["fn"],
    )
    for split in sorted(set(judged["split"].dropna())):
        for name in ("f1_numerator", "f1_denominator"):
            counts[f"{name}:{split}"] = counts[name].where(judged["split"] == split)
    return counts.groupby(_KEYS, as_index=False, observed=True).sum(min_count=1)


def _mme_counts(answers: pd.DataFrame) -> pd.DataFrame:
    judged = mme_images(answers)
    judged = judged[judged["n"] > 0]
    done = judged["n"] == 2  # an unfinished image has no score
    counts = judged[_KEYS].assign(
        n_correct=judged["n_correct"].astype(float),
        n_answered=judged["n"].astype(float),
        n_pairs=judged["n_images"].where(done),
        n_pairs_correct=judged["n_pairs"].where(done),
    )
    points = (50.0 * judged["n_correct"] + 100.0 * judged["n_pairs"]).where(done)
    for subtask in sorted(set(judged["split"])):
        counts[f"mme:{subtask}"] = points.where(judged["split"] == subtask)
    return counts


def count_choices(parts: Iterable[Part]) -> pd.DataFrame:
    """Count lettered answers per image × variant: ``n_choices`` judged, ``n_choices_correct``."""
    names = {"n": "n_choices", "n_correct": "n_choices_correct"}
    counted = []
    for part in parts:
        judged = choice_counts(part.answers)
        judged = judged.loc[judged["n"] > 0, [*_KEYS, *names]].rename(columns=names)
        grouped = judged.groupby(_KEYS, as_index=False, observed=True)
        counted.append(grouped.sum().astype(dict.fromkeys(names.values(), float)))
    return _joined(counted)


def _annotated(parts: Iterable[Part]) -> Iterator[tuple[Part, pd.DataFrame]]:
    """Yield each part with its scored captions, where any of its images is annotated."""
    for part in parts:
        try:
            yield part, chair_scores(part)
        except AgileError:  # none of these images is annotated: CHAIR has no meaning there
            continue


def _joined(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return the frames as one, or an empty one with the keys."""
    found = list(frames)
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=_KEYS)
