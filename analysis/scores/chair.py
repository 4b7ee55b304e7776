"""CHAIR of a run's captions: one call to `chair_eval`, whatever the model or data set."""

from typing import Protocol

import pandas as pd

from analysis.errors import AgileError
from chair_eval import GroundTruth, Vocabulary, score
from chair_eval.tally import ratios

_VARIANT = ["image_id", "variant", "pruner", "keep"]
_COUNTS = ["n_mentions", "n_hallucinated", "n_recalled", "n_gt"]
# The same counts in the words of `chair_eval`, which pools them.
_POOLED = {
    "captions": "captions",
    "any_hallucinated": "hallucinated_captions",
    "n_mentions": "object_mentions",
    "n_hallucinated": "hallucinated_mentions",
    "n_recalled": "recalled_types",
    "n_gt": "gt_types",
}
_SHOWN = 5
_LISTS = ["words", "categories", "spans", "hallucinated", "recalled", "missed"]


class HasCaptions(Protocol):
    """The part of a run this module reads."""

    @property
    def images(self) -> pd.DataFrame:
        """Rows of the images table."""

    @property
    def answers(self) -> pd.DataFrame:
        """Rows of the answers table."""


def ground_truth_of(images: pd.DataFrame) -> tuple[GroundTruth, dict[str, int]]:
    """Take the accepted categories of every annotated image from the records.

    Ids of arbitrary data sets (paths, say) are replaced by their row number, because
    the CHAIR package reads numbers out of COCO file names.

    Parameters
    ----------
    images
        ``images`` table; rows without ``objects`` are not annotated.

    Returns
    -------
    GroundTruth
        Row number → categories.
    dict
        image_id → row number.

    Raises
    ------
    AgileError
        When no image is annotated (CHAIR has no meaning there), or with other categories
        than COCO's, which need a vocabulary of their own.
    """
    known = images[images["objects"].notna()]
    if known.empty:
        raise AgileError(
            "no image of this run has annotated objects, so CHAIR cannot be computed; "
            "use a data set with annotations, such as scenes or coco-chair:PATH."
        )
    numbers = {str(image_id): i for i, image_id in enumerate(known["image_id"])}
    sets: dict[int, set[str]] = {
        numbers[str(image_id)]: set(objects)
        for image_id, objects in zip(known["image_id"], known["objects"], strict=True)
    }
    truth = GroundTruth.from_mapping(sets, source="run")
    strangers = sorted(truth.categories() - set(Vocabulary.coco().categories))
    if strangers:
        some = ", ".join(strangers[:_SHOWN]) + (", …" if len(strangers) > _SHOWN else "")
        raise AgileError(
            f"this run's images are annotated with categories that COCO's vocabulary lacks "
            f"({some}); score it with your own words: chair-eval RUN --vocabulary FILE."
        )
    return truth, numbers


def chair_scores(run: HasCaptions) -> pd.DataFrame:
    """Score every caption of a run in the ``pattern`` dialect.

    Parameters
    ----------
    run
        Anything with ``images`` and ``answers`` tables.

    Returns
    -------
    DataFrame
        One row an image and variant: the counts ``n_mentions``, ``n_hallucinated``,
        ``n_recalled``, ``n_gt``, the caption's ``length`` in whitespace words, and the
        lists ``words``, ``categories``, ``spans`` (characters), ``hallucinated`` (parallel
        to words), ``recalled`` and ``missed``; ``truncated`` (0 or 1) where the answers say it.
        Images without annotations have no row.

    Raises
    ------
    AgileError
        When no image is annotated, or the run holds no captions.
    """
    truth, numbers = ground_truth_of(run.images)
    captions = run.answers[run.answers["task"] == "caption"]
    captions = captions[captions["image_id"].astype(str).isin(numbers)].reset_index(drop=True)
    if captions.empty:
        raise AgileError(
            "this run holds no captions of annotated images; extract with --tasks caption."
        )
    pairs = zip(captions["image_id"].astype(str).map(numbers), captions["answer"], strict=True)
    scored = score(list(pairs), truth, duplicates="keep", draws=0).frame
    frame = pd.concat([captions[_VARIANT], scored[_COUNTS + _LISTS]], axis=1)
    frame.insert(
        len(_VARIANT) + len(_COUNTS), "length", [len(text.split()) for text in captions["answer"]]
    )
    if "truncated" in captions:
        frame["truncated"] = captions["truncated"].astype(float)
    return frame


def chair_table(scored: pd.DataFrame) -> pd.DataFrame:
    """Pool per-caption counts over images, one row a variant.

    Parameters
    ----------
    scored
        What :func:`chair_scores` returns.

    Returns
    -------
    DataFrame
        ``chair_s``, ``chair_i`` and ``recall`` (0 to 1, NaN where the denominator is 0),
        mean ``length``, and the counts behind them.
    """
    counted = scored.assign(captions=1, any_hallucinated=scored["n_hallucinated"] > 0)
    groups = counted.groupby(["variant", "pruner", "keep"], sort=False)
    table = groups[list(_POOLED)].sum().astype(float)
    metrics = ratios({name: table[column] for column, name in _POOLED.items()})
    table = table.assign(**metrics, length=groups["length"].mean())
    shown = ["chair_s", "chair_i", "recall", "length", "captions", *_COUNTS]
    return table[shown].reset_index()
