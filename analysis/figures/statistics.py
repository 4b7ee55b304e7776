"""Every estimate of a run as frames: what `agile stats` writes and the findings cite."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from analysis.figures import hard
from analysis.figures.choices import family_pair
from analysis.figures.design import designed
from analysis.figures.effects import crossover_tests
from analysis.figures.inputs import Inputs, MissingInput
from analysis.figures.panels import ALL_SCORES, available
from analysis.figures.study import study
from analysis.figures.subtasks import subtasks
from analysis.stats.claims import judge
from analysis.stats.complexity import kind_of, splits
from analysis.stats.components import mediation
from analysis.stats.correlation import correlate
from analysis.stats.crossed import association
from analysis.stats.estimate import estimates, stacked
from analysis.stats.hallucination import associations, hallucination_rate
from analysis.stats.images import image_means
from analysis.stats.instrument import dose_response
from analysis.stats.mentions import mention_model
from analysis.stats.paired import compare, same_keep_pairs
from analysis.stats.ratios import RATIOS, summarise

_PAIRED = (*ALL_SCORES, "CHAIR_s", "length", "erank", "attention_mass")
_SIGNALS = ("erank", "attention_mass", "coverage")


def summary(inputs: Inputs) -> pd.DataFrame:
    """Estimate every measure the run has, for every variant."""
    units = inputs.units
    return summarise(units, available(inputs, list(RATIOS)), inputs.boot)


def images(inputs: Inputs) -> pd.DataFrame:
    """Estimate the means of image measures, over all images and per level of each split."""
    measures = ["entropy", "erank", "erank_plain", "n_objects"]
    table = inputs.images[["image_id", *measures]].astype(dict.fromkeys(measures, float))
    frames = [image_means(table.assign(split="all"), "split", measures, inputs.boot)]
    for name, labels in splits(inputs.images).items():
        part = table.assign(level=table["image_id"].map(labels))
        found = image_means(part, "level", measures, inputs.boot)
        frames.append(found.assign(split=str(name)))
    return pd.concat(frames, ignore_index=True)


def image_correlations(points: pd.DataFrame, inputs: Inputs) -> pd.DataFrame:
    """Estimate the correlations of entropy with erank over all images and over parts of them.

    Returns
    -------
    DataFrame
        Estimates with the extra column ``by``: ``""`` for the plain, rank and (where objects
        vary) object-controlled correlation over all images; else what splits the images
        (``dataset``, ``subtask``, ``subject``), the part being ``group``.
    """
    labels, kind = subtasks(inputs.images)
    points = points.assign(part=points["image_id"].map(labels))
    plans: list[tuple[str, dict[str, Any]]] = [("", {}), ("", {"kind": "spearman"})]
    if points["n_objects"].nunique() > 1:
        plans.append(("", {"controls": ["n_objects"]}))
    if points["dataset"].nunique() > 1:
        plans.append(("dataset", {"by": "dataset"}))
    if kind:
        plans.append((kind, {"by": "part"}))
    frames = [
        correlate(points, "entropy", "erank", boot=inputs.boot, **plan).assign(by=name)
        for name, plan in plans
    ]
    return pd.concat(frames, ignore_index=True)


def correlations(inputs: Inputs) -> pd.DataFrame:
    """Correlate entropy with erank, and what is kept with hallucination, per keep."""
    points = inputs.images.dropna(subset=["entropy", "erank"])
    frames = [image_correlations(points, inputs).assign(keep="")]
    if "n_mentions" not in inputs.units:
        return frames[0]
    spoken = hallucination_rate(inputs.units)
    for keep in inputs.keeps:
        chosen = inputs.pruned.loc[inputs.pruned["keep"] == keep, "variant"]
        part = spoken[spoken["variant"].isin(chosen)]
        tied = [associations(part, signal, boot=inputs.boot) for signal in _SIGNALS]
        frames += [frame.assign(keep=str(keep)) for frame in tied]
        longer = correlate(part, "log_length", "hallucinated", boot=inputs.boot)
        frames.append(longer.assign(keep=str(keep)))
    return pd.concat(frames, ignore_index=True)


def mentions(inputs: Inputs, each: bool = True) -> pd.DataFrame:
    """Fit the odds of hallucination per mention, over all keeps and (``each``) for each."""
    if "n_mentions" not in inputs.units:
        return estimates([])
    units = inputs.units.assign(complexity=inputs.units["image_erank"])
    units = units[units["variant"].isin(inputs.pruned["variant"])]
    level = inputs.boot.level
    frames = [mention_model(units, level=level).assign(keep="all")]
    frames += [
        mention_model(units[units["keep"] == keep], fixed=None, level=level).assign(keep=str(keep))
        for keep in (inputs.keeps if each else ())
    ]
    return stacked(frames)


def pairs(inputs: Inputs) -> pd.DataFrame:
    """Compare all plain pruners of one keep with one another; p of each alone, no family."""
    units = inputs.units[inputs.units["variant"].isin(inputs.pruned["variant"])]
    return compare(units, available(inputs, _PAIRED), same_keep_pairs(units), inputs.boot)


def crossovers(inputs: Inputs) -> pd.DataFrame:
    """Compare the families on simple and complex images under every split, and name the result."""
    found = crossover_tests(inputs)
    kinds = {
        key: kind_of(part, RATIOS[str(key[1])].better)
        for key, part in found.groupby(["split", "measure"])
    }
    keys = zip(found["split"], found["measure"], strict=True)
    return found.assign(kind=[kinds[key] for key in keys])


def claims(inputs: Inputs) -> pd.DataFrame:
    """Run every test of the paper's claims: the only table with q, one family a claim."""
    return pd.concat([each.frame for each in judge(study(inputs)).values()], ignore_index=True)


def crossed(inputs: Inputs) -> pd.DataFrame:
    """Correlate kept measures with invented objects, images and methods as units, per keep."""
    if "n_mentions" not in inputs.units:
        return estimates([])
    frames = []
    for keep in inputs.keeps:
        chosen = inputs.pruned.loc[inputs.pruned["keep"] == keep, "variant"]
        part = inputs.units[inputs.units["variant"].isin(chosen)]
        frames += [
            association(part, signal, "n_hallucinated", inputs.boot).assign(keep=str(keep))
            for signal in ("erank", "attention_mass")
        ]
    return stacked(frames)


def mediated(inputs: Inputs) -> pd.DataFrame:
    """Split the families' difference in invented objects by what more right mentions bring."""
    try:
        pair = family_pair(inputs)
    except MissingInput:
        return estimates([])
    return (
        mediation(inputs.units, *pair, inputs.boot) if "n_right" in inputs.units else estimates([])
    )


def doses(inputs: Inputs) -> pd.DataFrame:
    """Estimate what kept erank causes, where the run has the randomised design."""
    try:
        return dose_response(designed(inputs), inputs.boot)
    except MissingInput:
        return estimates([])


def hard_samples(inputs: Inputs) -> pd.DataFrame:
    """Estimate every score on all samples and on those downsampling gets wrong, per keep."""
    try:
        return hard.scores(inputs, hard.budgets(inputs))
    except MissingInput:
        return estimates([])


STATISTICS: dict[str, Callable[[Inputs], pd.DataFrame]] = {
    "summary": summary,
    "images": images,
    "correlations": correlations,
    "mentions": mentions,
    "pairs": pairs,
    "crossovers": crossovers,
    "claims": claims,
    "crossed": crossed,
    "mediation": mediated,
    "dose_response": doses,
    "hard_samples": hard_samples,
}
