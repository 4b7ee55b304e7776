"""The paper's claims as tests: what each predicts of a run, with the sign fixed beforehand."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.catalogue import DIVERSITY, HYBRID, base_name, family, look
from analysis.figures.choices import at_budget, chair_units, family_pair
from analysis.figures.effects import pair_effects
from analysis.figures.inputs import Inputs, MissingInput
from analysis.figures.panels import available
from analysis.figures.statistics import crossovers, image_correlations, mentions
from analysis.figures.sweeps import rule_pairs
from analysis.figures.wording import images, interval, number
from analysis.stats.estimate import records
from analysis.stats.hallucination import associations, hallucination_rate
from analysis.stats.paired import compare
from analysis.stats.ratios import RATIOS

# Methods of the paper's Table 1 besides DivPrune.
_AUDITED = ("vispruner", "visionzip", "prumerge_plus", "prumerge_plus_fixed")
# Scores of answers to questions, the first of which a claim about scores rests on.
_QUESTIONS = ("accuracy", "ScienceQA")


@dataclass(frozen=True)
class Evidence:
    """One estimate that bears on a claim.

    Parameters
    ----------
    sentence
        The estimate in words, with interval and n.
    sides
        1 when the interval lies on the expected side, -1 on the other, 0 when it holds the null,
        ``None`` when there is no interval.
    decisive
        Whether the verdict rests on it; other evidence is context.
    """

    sentence: str
    sides: int | None
    decisive: bool = True


@dataclass(frozen=True)
class Claim:
    """One claim of the paper.

    Parameters
    ----------
    title, text
        In few words, and in full.
    evidence
        What a run shows for it.
    reading
        What the verdict does and does not mean.
    """

    title: str
    text: str
    evidence: Callable[[Inputs], Iterator[Evidence]]
    reading: str


def side(row: Any, expected: int, null: float = 0.0) -> int | None:
    """Return on which side of the null an interval lies, 1 being the expected one."""
    if not (np.isfinite(row["low"]) and np.isfinite(row["high"])):
        return None
    if row["low"] > null:
        return expected
    return -expected if row["high"] < null else 0


def audit(inputs: Inputs) -> Iterator[Evidence]:
    """Compare DivPrune's kept erank with the methods of Table 1, and with other diverse ones."""
    first = inputs.variant("divprune")
    chosen = inputs.pruned[inputs.pruned["keep"] == inputs.main_keep]
    others = [
        str(row["variant"])
        for row in records(chosen)
        if row["variant"] != first
        and (family(row["pruner"]) in (HYBRID, DIVERSITY) or row["pruner"] in _AUDITED)
    ]
    if not others:
        raise MissingInput(inputs.remedy(["vispruner", "fps"], inputs.main_keep))
    pairs = [(first, other) for other in others]
    for row in records(compare(inputs.units, ["erank"], pairs, inputs.boot)):
        name = look(row["second"]).label
        text = f"DivPrune keeps {interval(row, 2, signed=True)} more erank than {name}"
        decisive = base_name(row["second"]) in _AUDITED
        yield Evidence(f"{text} ({images(row)}).", side(row, 1), decisive)


def hallucination(inputs: Inputs) -> Iterator[Evidence]:
    """Compare families, then look inside images and at length."""
    units = chair_units(inputs)
    pair, effects = pair_effects(inputs)
    names = [look(name).label for name in pair]
    expected = {"CHAIR_i": 1, "CHAIR_s": 1, "recall": 1, "length": 1}
    for row in records(effects):
        if row["measure"] in expected:
            text = f"{names[0]} minus {names[1]}, {row['measure']}: {interval(row, 2, signed=True)}"
            decisive = row["measure"] in ("CHAIR_i", "CHAIR_s")
            yield Evidence(f"{text} ({images(row)}).", side(row, 1), decisive)
    spoken = hallucination_rate(units[units["variant"].isin(at_budget(inputs))])
    for row in records(associations(spoken, "erank", boot=inputs.boot)):
        text = f"Kept erank with the share of invented objects, {row['group']}: r = {interval(row)}"
        inside = str(row["group"]).startswith("within image, given")
        yield Evidence(f"{text} ({images(row)}).", side(row, 1), inside)
    fitted = mentions(inputs)
    for row in records(fitted[(fitted["keep"] == "all") & (fitted["group"] == "erank")]):
        text = (
            "Odds ratio of inventing a mentioned object per standard deviation of kept erank, "
            f"given kept attention, length, complexity and budget: {interval(row)}"
        )
        yield Evidence(f"{text} ({images(row)}).", side(row, 1, 1.0), decisive=False)


def winner(inputs: Inputs) -> Iterator[Evidence]:
    """Test the interaction of family and complexity, and entropy's tie to erank."""
    for row in records(crossovers(inputs)):
        if row["group"] != "interaction":
            continue
        better = RATIOS[row["measure"]].better
        least = number(row["detectable"], 1)
        text = (
            f"{row['measure']}, {row['split']}: the gap diversity minus attention is "
            f"{interval(row, 1, signed=True)} points larger on complex than on simple images "
            f"(q = {number(row['q'], 3)}, {images(row)}; an effect of {least} would be found with "
            "power 0.8)"
        )
        decisive = row["measure"] in _QUESTIONS or not {*_QUESTIONS} & {*_scored(inputs)}
        yield Evidence(f"{text}.", side(row, better), decisive)
    points = inputs.images.dropna(subset=["entropy", "erank"])
    row = records(image_correlations(points, inputs))[0]
    text = f"Entropy with erank over images: r = {interval(row)} ({images(row)})"
    yield Evidence(f"{text}.", side(row, 1), decisive=False)


def steer(inputs: Inputs) -> Iterator[Evidence]:
    """Compare adaptive and inverse rules with the fixed one."""
    pairs = rule_pairs(inputs)
    measure = next(name for name in (*_QUESTIONS, "recall") if name in _scored(inputs))
    for row in records(compare(inputs.units, [measure], list(pairs), inputs.boot)):
        method, rule = pairs[(row["first"], row["second"])]
        text = f"{look(method).label}, {rule} minus fixed share, {measure}: "
        text += f"{interval(row, 2, signed=True)} (q = {number(row['q'], 3)}, {images(row)})"
        yield Evidence(f"{text}.", side(row, 1 if rule == "adaptive" else -1))


def minimal(inputs: Inputs) -> Iterator[Evidence]:
    """Compare AgilePruner with both families it stands between."""
    own = inputs.variant("agilepruner")
    diversity, attention = family_pair(inputs)
    rivals = {
        "accuracy": (attention, diversity),
        "ScienceQA": (attention, diversity),
        "CHAIR_i": (diversity,),
        "recall": (attention,),
    }
    for measure in (name for name in rivals if name in _scored(inputs)):
        pairs = [(own, rival) for rival in rivals[measure]]
        for row in records(compare(inputs.units, [measure], pairs, inputs.boot)):
            text = f"AgilePruner minus {look(row['second']).label}, {measure}: "
            text += f"{interval(row, 2, signed=True)} ({images(row)})"
            yield Evidence(f"{text}.", side(row, RATIOS[measure].better))


def _scored(inputs: Inputs) -> list[str]:
    return available(inputs, [*_QUESTIONS, "recall", "CHAIR_i", "CHAIR_s"])


CLAIMS = (
    Claim(
        "Diversity audit: only DivPrune keeps clearly more diverse tokens",
        "methods advertised as diversity-preserving keep far less effective rank than expected; "
        "only DivPrune is clearly higher (Table 1).",
        audit,
        "Decisive are the methods of Table 1 that this run holds, at the main budget; others are "
        "context.",
    ),
    Claim(
        "More diversity goes with more hallucination",
        "a higher kept erank goes with higher CHAIR, higher recall and longer captions; selection "
        "by attention is conservative (Tables 2 and 3). The paper compares method means.",
        hallucination,
        "Decisive are both CHAIR differences of the method pair and the correlation inside images "
        "with caption length held constant: means of a few methods alone cannot carry the claim. "
        "Correlations run over every method at the budget, random selection included, which keeps "
        "little erank and loses objects: read their sign with that in mind.",
    ),
    Claim(
        "Image complexity decides which family wins",
        "images of low entropy and erank favour attention, images of high entropy and erank favour "
        "diversity (Table 4, Figures 1 and 3).",
        winner,
        "Decisive is the interaction; a family that is better everywhere is no crossover.",
    ),
    Claim(
        "Steering by erank helps, the inverse rule hurts",
        "letting erank set the share of attention-chosen tokens improves BAT, VisPruner and "
        "FasterVLM + DivPrune, and the inverse rule makes them worse (Tables 5 and 6).",
        steer,
        "Both halves are decisive: adaptive above fixed, inverse below it.",
    ),
    Claim(
        "The minimal method stands above both families",
        "AgilePruner's erank-scaled threshold reaches higher benchmark scores than either family, "
        "and less hallucination than diversity at more recall than attention (Tables 7 and 8).",
        minimal,
        "erank_avg is the paper's constant unless the run says otherwise; it needs recalibration "
        "for another model.",
    ),
)
