"""Every score on all samples, and on the samples that plain downsampling gets wrong.

Liao et al., "Are We Using the Right Benchmark" (VTC-Bench, ACL 2026): on most benchmark questions a
shrunken image is enough, so they cannot tell pruners apart. What downsampling to the same number of
tokens gets wrong can. The samples are chosen by one method's errors, so any other method does
better on them than it, by chance alone: compare methods with one another and with all tokens, not
with downsampling, whose own accuracy there is 0 by construction.
"""

from collections.abc import Sequence

import pandas as pd

from analysis.stats.estimate import estimates, stacked
from analysis.stats.paired import benjamini_hochberg, compare
from analysis.stats.ratios import RATIOS, present, summarise
from chair_eval.bootstrap import Bootstrap

ALL, HARD = "all", "hard"
#: Scores that have hard samples of their own; one a sample, so no F1 and no MME points.
MEASURES = ("accuracy", "ScienceQA", "recall", "CHAIR_i", "CHAIR_s")
# Columns of the units: of answers by task, and of captions by what makes an image hard.
_ANSWERS = {"yesno": ("n_correct", "n_answered"), "choice": ("n_choices_correct", "n_choices")}
_INVENTS = ("n_hallucinated", "n_mentions", "any_hallucinated")
_MISSES = ("n_recalled", "n_gt")


def hard_units(
    units: pd.DataFrame, answers: pd.DataFrame, baseline: str, variants: Sequence[str]
) -> pd.DataFrame:
    """Return the units of variants, counting only the samples that the baseline gets wrong.

    Parameters
    ----------
    units
        One row per image × variant.
    answers
        One row an answer with ``correct`` (0 or 1), as `analysis.scores.counts.judged_answers`.
    baseline
        Variant whose errors choose the samples: downsampling to the same number of tokens.
    variants
        Variants to count.

    Returns
    -------
    DataFrame
        Columns of `MEASURES`. A yes/no or choice question is hard when the baseline answers it
        wrongly. A caption has no right or wrong: for what is invented (CHAIR_i, CHAIR_s) an image
        is hard when the baseline's caption invents an object, for recall when it misses an
        annotated one. NaN where an image has no hard sample; no caption of its own by the
        baseline, no hard sample either.
    """
    chosen = units["variant"].isin(list(variants))
    own = units[units["variant"] == baseline].set_index("image_id")
    captions = [name for name in (*_INVENTS, *_MISSES) if name in units]
    found = units.loc[chosen, ["image_id", "variant", *captions]].copy()
    if captions:
        invents = own.index[own["n_hallucinated"] > 0]
        misses = own.index[own["n_recalled"] < own["n_gt"]]
        for names, hard in ((_INVENTS, invents), (_MISSES, misses)):
            found[list(names)] = found[list(names)].where(found["image_id"].isin(hard))
    for task, names in _ANSWERS.items():
        if names[1] in units:
            counted = _hard_answers(answers[answers["task"] == task], baseline, names)
            found = found.merge(counted, on=["image_id", "variant"], how="left")
    return found


def _hard_answers(answers: pd.DataFrame, baseline: str, names: tuple[str, str]) -> pd.DataFrame:
    """Count right answers, and answers, to the questions that the baseline answers wrongly."""
    keys = ["image_id", "question_id"]
    wrong = answers.loc[(answers["variant"] == baseline) & (answers["correct"] == 0), keys]
    hard = answers.merge(wrong.drop_duplicates(), on=keys)
    right = hard.groupby(["image_id", "variant"], observed=True)["correct"]
    return right.agg(["sum", "count"]).astype(float).set_axis(names, axis=1).reset_index()


def hard_scores(
    units: pd.DataFrame,
    answers: pd.DataFrame,
    baseline: str,
    variants: Sequence[str],
    boot: Bootstrap | None = None,
) -> pd.DataFrame:
    """Estimate each score on all samples and on the hard ones; arguments as in `hard_units`.

    Returns
    -------
    DataFrame
        Estimates whose ``group`` is the variant, with ``samples`` (`ALL` or `HARD`) and
        ``n_samples``, the questions or captions behind each; ``n`` counts images. The baseline has
        no row on its own errors. Images are resampled, the choice of samples with them.
    """
    measures = present(units, MEASURES)
    others = [name for name in variants if name != baseline]
    parts = {
        ALL: units[units["variant"].isin([*others, baseline])],
        HARD: hard_units(units, answers, baseline, others),
    }
    frames = [
        _with_samples(summarise(part, measures, boot), part).assign(samples=samples)
        for samples, part in parts.items()
    ]
    return stacked(frames)


def _with_samples(found: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    """Add how many questions or captions each estimate counts."""
    counted = {"accuracy": "n_answered", "ScienceQA": "n_choices"}
    groups = units.groupby("variant", observed=True)
    sizes = {
        measure: groups[counted[measure]].sum()
        if measure in counted
        else groups[RATIOS[measure].numerator].count()
        for measure in found["measure"].unique()
    }
    pairs = zip(found["measure"], found["group"], strict=True)
    return found.assign(n_samples=[int(sizes[measure][group]) for measure, group in pairs])


def against_downsampling(
    units: pd.DataFrame, baseline: str, variants: Sequence[str], boot: Bootstrap | None = None
) -> pd.DataFrame:
    """Compare each variant with the baseline on all samples, the same images.

    Returns
    -------
    DataFrame
        As `analysis.stats.paired.compare`, variant minus baseline, with ``q`` over all rows, which
        are one family.
    """
    pairs = [(name, baseline) for name in variants if name != baseline]
    measures = present(units, MEASURES)
    if not (pairs and measures):
        return estimates([])
    return benjamini_hochberg(compare(units, measures, pairs, boot))
