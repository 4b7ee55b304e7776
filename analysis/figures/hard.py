"""Scores on all samples beside those that plain downsampling gets wrong: figure, table, a line."""

from collections.abc import Sequence

import pandas as pd

from analysis.catalogue import look
from analysis.figures.inputs import Inputs, MissingInput
from analysis.figures.panels import spoken
from analysis.figures.wording import capital, interval
from analysis.stats.estimate import records, stacked
from analysis.stats.hard import ALL, HARD, MEASURES, against_downsampling, hard_scores
from analysis.stats.ratios import RATIOS, present

_COUNTED = {"accuracy": "yes/no questions", "ScienceQA": "choices"}
NOTE = (
    "Hard: questions that downsampling to the same number of tokens answers wrongly; for recall "
    "images where its caption misses an object, for CHAIR images where it invents one. They are "
    "chosen by downsampling's errors, so compare methods with one another and with all tokens."
)


def methods_at(inputs: Inputs, keep: int) -> list[str]:
    """Return all tokens, then the plain pruners' variants of a budget, downsampling first."""
    table = inputs.pruned[inputs.pruned["keep"] == keep]
    names = [str(name) for name in table["variant"]]
    base = inputs.variant("downsample", keep)
    return [*inputs.unpruned, base, *(name for name in names if name != base)]


def budgets(inputs: Inputs) -> list[int]:
    """Return the budgets at which the run downsamples, largest first; the main one at least.

    Raises
    ------
    MissingInput
        If the run does not downsample at the main budget; names the command.
    """
    inputs.variant("downsample")
    found = inputs.pruned[inputs.pruned["pruner"] == "downsample"]
    return sorted({int(keep) for keep in found["keep"]}, reverse=True)


def scores(inputs: Inputs, keeps: Sequence[int]) -> pd.DataFrame:
    """Estimate every score on all and on hard samples; as `hard_scores`, with ``keep``."""
    return stacked(
        hard_scores(
            inputs.units,
            inputs.judged_answers,
            inputs.variant("downsample", keep),
            methods_at(inputs, keep),
            inputs.boot,
        ).assign(keep=keep)
        for keep in keeps
    )


def against(inputs: Inputs, keep: int) -> pd.DataFrame:
    """Compare every plain pruner of a budget with downsampling, on the same images."""
    names = [name for name in methods_at(inputs, keep) if name not in inputs.unpruned]
    base = inputs.variant("downsample", keep)
    return against_downsampling(inputs.units, base, names, inputs.boot)


def sizes(found: pd.DataFrame, measure: str) -> str:
    """Say how many samples of a score are hard, of how many."""
    rows = found[found["measure"] == measure]
    most = rows.groupby("samples")["n_samples"].max()
    what = _COUNTED.get(measure, "captions")
    return f"n = {int(most.get(HARD, 0)):,} of {int(most.get(ALL, 0)):,} {what}"


def ranking(found: pd.DataFrame, measure: str, level: float) -> str:
    """Say how many methods stand above, and how many below, downsampling in a score."""
    rows = found[found["measure"] == measure]
    if rows.empty:
        return ""
    better = RATIOS[measure].better
    clear = rows["q"] < 1 - level
    ahead = int((clear & (rows["estimate"] * better > 0)).sum())
    behind = int((clear & (rows["estimate"] * better < 0)).sum())
    return (
        f"in {spoken(measure)} {ahead} of {len(rows)} methods are seen better than downsampling, "
        f"{behind} worse (q < {1 - level:.2g} over all its comparisons)"
    )


def extremes(found: pd.DataFrame, measure: str) -> str:
    """Say between what the methods score on the hard samples, and all tokens."""
    rows = found[(found["measure"] == measure) & (found["samples"] == HARD)]
    whole = records(rows[rows["group"] == "full"])
    ordered = records(rows[rows["group"] != "full"].sort_values("estimate", kind="stable"))
    if not ordered:
        return ""
    ends = [f"{interval(each, 1)} ({look(each['group']).label})" for each in ordered]
    said = f"from {ends[0]} to {ends[-1]}" if len(ends) > 1 else ends[0]
    above = f", all tokens {interval(whole[0], 1)}" if whole else ""
    return f"on those it gets wrong ({sizes(found, measure)}) {spoken(measure)} runs {said}{above}"


def sentences(inputs: Inputs) -> list[str]:
    """Say of each score of a run how the methods stand to downsampling; empty without it.

    One sentence a score: all samples first, then those that downsampling gets wrong, with n.
    """
    try:
        inputs.variant("downsample")
    except MissingInput:
        return []
    keep = inputs.main_keep
    found, gaps = scores(inputs, [keep]), against(inputs, keep)
    said = []
    for measure in present(inputs.units, MEASURES):
        parts = [ranking(gaps, measure, inputs.boot.level), extremes(found, measure)]
        if text := "; ".join(part for part in parts if part):
            said.append(f"{capital(text)} ({keep} of {inputs.n_tokens} tokens).")
    return said
