"""The paper's claims on a run: each test as a sentence, and what is missing, with its remedy."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.catalogue import look
from analysis.figures.choices import at_budget, chair_units
from analysis.figures.effects import crossover_tests
from analysis.figures.inputs import Inputs, MissingInput
from analysis.figures.panels import spoken
from analysis.figures.statistics import image_correlations, mentions
from analysis.figures.study import roles
from analysis.figures.wording import crossing_sentence, images, interval, number
from analysis.stats.claims import Judgement
from analysis.stats.crossed import METHODS, WITHIN, association
from analysis.stats.estimate import decimals, records
from analysis.stats.margins import Margins, declared
from analysis.stats.ratios import RATIOS
from analysis.stats.verdicts import UNDEFINED

# What brings a role that a run lacks.
_SPECS = {
    "divprune": ["divprune"],
    "audited": ["vispruner", "visionzip"],
    "diversity": ["divprune"],
    "attention": ["fastervlm"],
    "own": ["agilepruner"],
    "adaptive": ["steered", "mixture"],
    "inverse": ["steered:rule=inverse", "mixture"],
}
UNITS = {"points": " points", "percent": " %", "objects": " a caption", "words": " words"}


@dataclass(frozen=True)
class Claim:
    """One claim of the paper, as ``analysis/stats/claims.yaml`` declares it.

    Parameters
    ----------
    key
        Its name in the file.
    title, text
        In few words, and in full.
    reading
        What the verdict does and does not mean.
    """

    key: str
    title: str
    text: str
    reading: str


CLAIMS = tuple(
    Claim(key, each["title"], each["text"], each["reading"])
    for key, each in declared()["claims"].items()
)


def sentence(row: Any, margins: Margins) -> str:
    """Say what one test shows: the estimate with interval, q, n, and what it is worth."""
    unit = UNITS.get(margins.units.get(row["measure"], ""), "")
    what = f"{comparison(row)}: "
    if row["outcome"] == UNDEFINED:
        return f"{what}no interval ({row['method'].removeprefix('none: ')}, {images(row)})."
    resamples = int(row["method"].partition("B=")[2].partition(",")[0] or 0)
    digits = decimals(row["se"], resamples, 3 if row["measure"].startswith("r(") else 2)
    p = f"q = {number(row['q'], 3)}" if row["decisive"] else f"p = {number(row['p'], 3)}"
    said = (
        f"{what}{interval(row, digits, signed=True)}{unit} ({p}, {images(row)}): {row['outcome']}"
    )
    if row["margin"]:
        said += f", margin {number(row['margin'], 2).rstrip('0').rstrip('.')}{unit}"
    if row["outcome"] == "open" and np.isfinite(row["detectable"]):
        said += f"; an effect of {number(row['detectable'], 2)} would be found with power 0.8"
    return f"{said}."


def comparison(row: Any) -> str:
    """Name what a test compares, and where."""
    if str(row["measure"]).startswith("r("):
        return "Kept erank with invented objects inside images, images and methods as units, r"
    if not row["first"]:
        return f"{row['test'].capitalize()}, {row['measure']}"
    first, second = look(row["first"]).label, look(row["second"]).label
    if first == second:
        first = f"{first} ({row['test']})"
    where = f" on {row['level']} images ({row['split']})" if row["level"] else ""
    where = f", complex minus simple ({row['split']})" if row["level"] == "interaction" else where
    cut = ", captions that ended by themselves" if row["test"] == "without cut captions" else ""
    return f"{first} minus {second}{where}, {row['measure']}{cut}"


def missing(inputs: Inputs, judgement: Judgement) -> str:
    """Say which decisive data a run lacks, with the command that makes them; empty if none."""
    frame = judgement.frame
    lacking = frame[frame["decisive"] & frame["needed"] & (frame["outcome"] == UNDEFINED)]
    said = []
    for row in records(lacking.drop_duplicates(["test", "method"])):
        reason = str(row["method"]).removeprefix("none: ")
        said.append(f"{row['test']}: {reason}{_remedy(inputs, reason)}")
    return "; ".join(dict.fromkeys(said))


def _remedy(inputs: Inputs, reason: str) -> str:
    """Return how to get what a test lacks."""
    if reason.startswith("no ") and " beside " in reason:
        pair = reason.removeprefix("no ").split(" beside ")
        held = roles(inputs)
        specs = [spec for role in pair if not any(held[role]) for spec in _SPECS.get(role, [])]
        return f" ({inputs.remedy(specs or _SPECS[pair[0]], inputs.main_keep).rstrip('.')})"
    if "measured" not in reason:
        return ""
    if "accuracy" in reason:
        return (
            f" (run {inputs.path.name} has no answers to labelled questions; extract from data "
            "that has some, such as scenes or pope:PATH)"
        )
    try:
        chair_units(inputs)
    except MissingInput as error:
        return f" ({str(error).rstrip('.')})"
    return ""


def context(inputs: Inputs, key: str) -> Iterator[str]:
    """Yield sentences of context that no test holds: leave-one-out, cut captions, odds ratios."""
    if key == "hallucination" and "n_hallucinated" in inputs.units:
        yield from _hallucination(inputs)
    if key == "complexity":
        points = inputs.images.dropna(subset=["entropy", "erank"])
        row = records(image_correlations(points, inputs))[0]
        yield f"Entropy with erank over images: r = {interval(row)} ({images(row)})."
        tests = crossover_tests(inputs)
        for (split, measure), gaps in tests.groupby(["split", "measure"], sort=False):
            if measure in ("accuracy", "ScienceQA"):
                said = crossing_sentence(gaps, spoken(measure), RATIOS[measure].better)
                yield f"By {split}: {said}"


def _hallucination(inputs: Inputs) -> Iterator[str]:
    units = inputs.units[inputs.units["variant"].isin(at_budget(inputs))]
    found = association(units, "erank", "n_hallucinated", inputs.boot)
    if "lowest" in found:
        rows = {row["group"]: row for row in records(found)}
        row = rows[WITHIN]
        yield (
            f"Leaving out one of the {int(row['methods'])} methods at a time, this r is between "
            f"{number(row['lowest'])} and {number(row['highest'])} (most without "
            f"{look(row['without']).label}); {row['share']:.0%} of the variance of erank inside "
            "images lies between methods, whose means alone give r = "
            f"{interval(rows[METHODS])}."
        )
    if "truncated" in units:
        known = units["truncated"].dropna()
        yield f"{int(known.sum()):,} of {len(known):,} captions ended at the limit of new tokens."
    for row in records(mentions(inputs, each=False)):
        if row["group"].startswith("erank "):
            way = "inside images" if row["group"].endswith("within") else "between images"
            yield (
                "Odds ratio of inventing a mentioned object per standard deviation of kept erank "
                f"{way}, given kept attention, complexity and budget: {interval(row)} "
                f"({images(row)})."
            )
