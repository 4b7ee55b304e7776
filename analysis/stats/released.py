"""Hallucination in released captions of real models, by place in the caption, length and category.

Reads the table of counts that `analysis.scores.released` makes. Every estimate resamples images
and pools counts as CHAIR_i does; two decodings of a model are compared on the same images.
"""

from collections.abc import Iterator

import pandas as pd

from analysis.stats.estimate import estimates
from analysis.stats.paired import compare
from analysis.stats.ratios import summarise
from chair_eval.bootstrap import Bootstrap

#: Thirds of the captions of one model and decoding, by tokens.
LENGTHS = ("short", "medium", "long")
_COUNTS = ["n_mentions", "n_hallucinated"]


def caption_units(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per image × variant: CHAIR's counts of the whole caption.

    Parameters
    ----------
    table
        Columns of `analysis.scores.released.COLUMNS`.

    Returns
    -------
    DataFrame
        ``image_id, variant`` (``"MODEL DECODING"``), ``length`` in tokens, ``n_gt, n_recalled,
        n_mentions, n_hallucinated, any_hallucinated`` (0 or 1).
    """
    named = _named(table)
    keys = ["image_id", "variant"]
    units = named.groupby(keys, as_index=False, sort=True).agg(
        length=("length", "first"),
        n_gt=("n_gt", "first"),
        n_recalled=("n_recalled", "first"),
        n_mentions=("mentions", "sum"),
        n_hallucinated=("hallucinated", "sum"),
    )
    return units.assign(any_hallucinated=(units["n_hallucinated"] > 0).astype(float))


def _named(table: pd.DataFrame) -> pd.DataFrame:
    ids = table["image_id"].astype(str)
    return table.assign(variant=table["model"] + " " + table["decoding"], image_id=ids)


def subsets(table: pd.DataFrame, least: int = 50) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield ``(split, level, units)``: the counts of one part of the mentions at a time.

    Splits are ``part`` (which 20 tokens of the caption), ``length`` (thirds of each variant's
    captions) and ``category`` (those with at least ``least`` mentions in every variant). Units
    hold every image of a variant, with counts of 0 where it has no such mention, so that every
    level resamples the same images.
    """
    named = _named(table)
    whole = caption_units(table)[["image_id", "variant", "length"]]
    thirds = whole.groupby("variant")["length"].rank(pct=True, method="first")
    bins = [0, 1 / 3, 2 / 3, 1]
    whole = whole.assign(third=pd.cut(thirds, bins, labels=list(LENGTHS)).astype(str))
    named = named.merge(whole[["image_id", "variant", "third"]], on=["image_id", "variant"])
    said = named[named["mentions"] > 0]
    per_variant = said.groupby(["category", "variant"])["mentions"].sum().unstack(fill_value=0)
    frequent = set(per_variant.index[per_variant.min(axis=1) >= least])
    columns = {"part": "part", "length": "third", "category": "category"}
    for split, column in columns.items():
        for level, part in said.groupby(column, sort=True):
            if split == "category" and level not in frequent:
                continue
            yield split, str(level), _counted(part, whole)


def _counted(said: pd.DataFrame, whole: pd.DataFrame) -> pd.DataFrame:
    """Sum mentions per image × variant, 0 where there is none."""
    keys = ["image_id", "variant"]
    summed = said.groupby(keys)[["mentions", "hallucinated"]].sum()
    summed.columns = pd.Index(_COUNTS)
    units = whole[keys].merge(summed.reset_index(), on=keys, how="left")
    return units.fillna({name: 0 for name in _COUNTS})


def rates(table: pd.DataFrame, boot: Bootstrap) -> pd.DataFrame:
    """Estimate CHAIR_i of every variant in every subset, in percent.

    Returns
    -------
    DataFrame
        Estimates with ``group`` = variant and the extra columns ``split, level``.
    """
    found = [
        summarise(units, ["CHAIR_i"], boot).assign(split=split, level=level)
        for split, level, units in subsets(table)
    ]
    return pd.concat(found, ignore_index=True) if found else estimates([])


def decoding_effects(table: pd.DataFrame, boot: Bootstrap, base: str = "greedy") -> pd.DataFrame:
    """Compare every other decoding of a model with ``base`` on the same images.

    Returns
    -------
    DataFrame
        Paired differences of CHAIR_i, CHAIR_s, recall (percentage points) and length (tokens),
        over whole captions, then CHAIR_i per part; columns as `compare` gives them, and
        ``split, level``.
    """
    decodings = table[["model", "decoding"]].drop_duplicates()
    pairs = [
        (f"{model} {decoding}", f"{model} {base}")
        for model, decoding in decodings.itertuples(index=False)
        if decoding != base
    ]
    measures = ["CHAIR_i", "CHAIR_s", "recall", "length"]
    found = [compare(caption_units(table), measures, pairs, boot).assign(split="all", level="all")]
    found += [
        compare(units, ["CHAIR_i"], pairs, boot).assign(split=split, level=level)
        for split, level, units in subsets(table)
        if split == "part"
    ]
    return pd.concat(found, ignore_index=True)
