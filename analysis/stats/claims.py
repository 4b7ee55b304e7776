"""The paper's claims, tested as ``claims.yaml`` declares them: frames in, verdicts out.

Roles stand for the variants of a run, all at the main budget: ``divprune``; ``audited``, the other
methods of Table 1; ``rivals``, other methods of diversity; ``hybrids``; ``diversity`` and
``attention``, the two that stand for their families; ``own``, AgilePruner; ``budget``, every plain
method; and, parallel per steered method, ``adaptive``, ``inverse`` and ``fixed``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from analysis.stats.complexity import gaps_by_level, splits
from analysis.stats.components import effects
from analysis.stats.crossed import WITHIN, Crossed, intervals
from analysis.stats.estimate import intervals_of, row
from analysis.stats.margins import Margins, declared
from analysis.stats.paired import benjamini_hochberg
from analysis.stats.ratios import RATIOS, Sums, ratio, sums
from analysis.stats.verdicts import (
    FOR,
    INCONCLUSIVE,
    OPEN,
    PARTLY,
    outcome,
    outcomes,
    point,
    verdict,
)
from chair_eval.bootstrap import Array, Bootstrap, Interval, Statistic

ROLES = (
    "divprune", "audited", "rivals", "hybrids", "diversity", "attention", "own", "budget",
    "adaptive", "inverse", "fixed",
)  # fmt: skip


@dataclass(frozen=True)
class Study:
    """What a run, or a simulation, gives to judge the claims by.

    Parameters
    ----------
    units
        One row per image × variant; a score whose columns are missing was not measured.
    images
        One row per image: ``image_id, entropy, erank, complexity``.
    roles
        Role (`ROLES`) → variants; ``None`` in ``adaptive`` or ``inverse`` where a method lacks it.
    boot
        Number of resamples, level and seed; 1 - level is where q decides.
    margins
        Smallest effects of interest.
    """

    units: pd.DataFrame
    images: pd.DataFrame
    roles: Mapping[str, Sequence[str | None]]
    boot: Bootstrap = field(default_factory=Bootstrap)
    margins: Margins = field(default_factory=Margins.load)

    @cached_property
    def levels(self) -> pd.DataFrame:
        """Every way to tell simple from complex images, as `analysis.stats.complexity.splits`."""
        return splits(self.images)

    @cached_property
    def _sums(self) -> dict[str, Sums]:
        return {}

    def sums(self, measure: str) -> Sums:
        """Return what each image adds to a measure, counted once for all tests."""
        if measure not in self._sums:
            self._sums[measure] = sums(self.units, RATIOS[measure])
        return self._sums[measure]

    def pairs(self, first: str, second: str) -> list[tuple[str, str]]:
        """Return the pairs of variants two roles stand for; one variant meets each of many."""
        sides = [list(self.roles.get(role, ())) for role in (first, second)]
        longest = max(map(len, sides)) if all(sides) else 0
        one, two = (side * longest if len(side) == 1 else side for side in sides)
        return [(a, b) for a, b in zip(one, two, strict=False) if a and b and a != b]

    def measured(self, measures: Sequence[str]) -> str | None:
        """Return the first of some measures that the units have values of."""
        for name in measures:
            columns = list(RATIOS[name].columns)
            if set(columns) <= set(self.units) and self.units[columns].notna().all(axis=1).any():
                return name
        return None

    def of(self, variants: Sequence[str | None]) -> pd.DataFrame:
        """Return the units of some variants."""
        return self.units[self.units["variant"].isin([name for name in variants if name])]


@dataclass(frozen=True)
class Judgement:
    """A claim's tests and the verdict that follows.

    Parameters
    ----------
    frame
        One row a test, see `evidence`.
    verdict
        One of `analysis.stats.verdicts.VERDICTS`.
    """

    frame: pd.DataFrame
    verdict: str

    @property
    def supported(self) -> int:
        """How many of the decisive tests are for the claim."""
        return outcomes(self.frame).count(FOR)

    @property
    def decisive(self) -> int:
        """How many tests the verdict rests on."""
        return len(outcomes(self.frame))

    @property
    def detectable(self) -> dict[str, float]:
        """Effect that the open decisive tests would find with power 0.8, by measure."""
        open_ = self.frame[self.frame["decisive"] & (self.frame["outcome"] == OPEN)]
        found = open_.groupby("measure")["detectable"].max()
        return {str(name): float(value) for name, value in found.items()}

    @property
    def text(self) -> str:
        """The verdict in words: k of m where it is partly so, else what would have been found."""
        if self.verdict == PARTLY:
            return f"{PARTLY} ({self.supported} of {self.decisive})"
        if self.verdict == INCONCLUSIVE and self.detectable:
            sizes = ", ".join(f"{name} {size:.2g}" for name, size in self.detectable.items())
            return f"{INCONCLUSIVE} (detectable with power 0.8: {sizes})"
        return self.verdict


def judge(study: Study) -> dict[str, Judgement]:
    """Return the judgement of every claim, in the paper's order."""
    return {key: judged(key, study) for key in declared()["claims"]}


def judged(key: str, study: Study, *, context: bool = True) -> Judgement:
    """Return the judgement of one claim; arguments as in `evidence`."""
    frame = evidence(key, study, context=context)
    return Judgement(frame, verdict(frame, only=bool(declared()["claims"][key].get("only"))))


def evidence(key: str, study: Study, *, context: bool = True) -> pd.DataFrame:
    """Run the tests of one claim.

    Parameters
    ----------
    key
        Of the claim in ``claims.yaml``: audit, hallucination, complexity, steering, minimal.
    study
        What to test it on.
    context
        Whether to run the tests that no verdict rests on too.

    Returns
    -------
    DataFrame
        Estimates, decisive tests first, with the further columns ``claim, test, first, second,
        split, level, expected, decisive, needed, rule, margin, se, p, q, p_equivalent, detectable,
        outcome``. ``p`` is two-sided, of the test point (0; for the rule "clear" the margin); ``q``
        corrects it over the claim's decisive tests; context has none, and is judged by ``p``.
        A test that was not measured is a row without estimate whose ``method`` says why.
    """
    claim = declared()["claims"][key]
    further = claim.get("context", ()) if context else ()
    rows = [
        {**each, "claim": key, "decisive": decisive, "needed": not test.get("open", False)}
        for decisive, tests in ((True, claim["decisive"]), (False, further))
        for test in tests
        for each in _rows(test, study)
    ]
    frame = pd.DataFrame(rows)
    frame = benjamini_hochberg(frame, frame["decisive"])
    judged_by = frame.assign(q=frame["q"].where(frame["decisive"], frame["p"]))
    alpha = 1 - study.boot.level
    frame["outcome"] = [outcome(each, alpha) for each in judged_by.to_dict("records")]
    return frame


def _rows(test: Mapping[str, Any], study: Study) -> Iterator[dict[str, object]]:
    """Yield the estimates of one declared test, or the row that says why there is none."""
    found = list(statistics(test, study))
    if not found and not test.get("optional"):
        found = [({}, _nothing(test, study))]
    known = intervals_of([each for _, each in found], study.boot)
    for (labels, _), interval in zip(found, known, strict=True):
        measure = str(labels.get("measure", "/".join(test.get("measure", ["association"]))))
        margin = study.margins.of(measure)
        expected, rule = int(test["expected"]), str(test["rule"])
        null = point({"expected": expected, "margin": margin, "rule": rule})
        pair = {name: labels.get(name, "") for name in ("first", "second", "split", "level")}
        group = f"{pair['first']} - {pair['second']}" if pair["first"] else str(test["test"])
        yield row(
            measure, group, interval, study.boot.seed,
            test=test["test"], **pair, expected=expected, rule=rule, margin=margin,
            se=interval.se, p=interval.test(null), p_equivalent=interval.within(margin),
            detectable=interval.detectable,
        )  # fmt: skip


def _nothing(test: Mapping[str, Any], study: Study) -> Interval:
    """Return an empty interval whose method says what was not measured."""
    if "measure" in test and study.measured(test["measure"]) is None:
        why = f"{' or '.join(test['measure'])} was not measured"
    elif "first" in test and not study.pairs(test["first"], test["second"]):
        why = f"no {test['first']} beside {test['second']}"
    else:
        why = "too few images or methods"
    return _none(why)


def _none(why: str) -> Interval:
    return Interval(np.nan, np.nan, np.nan, np.nan, np.nan, 0, f"none: {why}")


Found = Iterator[tuple[dict[str, str], Statistic | Interval]]


def statistics(test: Mapping[str, Any], study: Study) -> Found:
    """Yield what a declared test compares, with its statistic.

    An interval takes the statistic's place where the images are not all that is resampled, or where
    there is nothing to estimate.
    """
    if "associate" in test:
        yield from _association(test, study)
    elif "mediate" in test:
        yield from _mediation(test, study)
    elif (measure := study.measured(test["measure"])) and "level" in test:
        yield from _levels(test, study, measure)
    elif measure:
        yield from _differences(test, study, measure)


def _association(test: Mapping[str, Any], study: Study) -> Found:
    """Correlate inside images, over images and methods."""
    x, y = test["associate"]
    if {x, y} <= set(study.units) and study.roles.get("budget"):
        found = intervals(Crossed.of(study.of(study.roles["budget"]), x, y), study.boot)
        yield {"measure": f"r({x}, {y})"}, found[WITHIN]


def _mediation(test: Mapping[str, Any], study: Study) -> Found:
    """Split the difference in inventions by what comes with more right mentions."""
    if {test["mediate"], "n_hallucinated"} <= set(study.units):
        for first, second in study.pairs(test["first"], test["second"]):
            parts = effects(study.of([first, second]), first, second, mediator=test["mediate"])
            for name, part in parts.items():
                yield {"measure": f"invented, {name}", "first": first, "second": second}, part


def _differences(test: Mapping[str, Any], study: Study, measure: str) -> Found:
    """Compare variants on the same images; in percent where the margin is."""
    known = study.sums(measure)
    if test.get("whole"):
        units = study.units
        if "truncated" not in units or not units["truncated"].any():
            return
        known = sums(units[units["truncated"] == 0], RATIOS[measure])
    pairs = [
        pair for pair in study.pairs(test["first"], test["second"]) if known.of.keys() >= {*pair}
    ]
    gaps = [known.gap(*pair) for pair in pairs]
    if study.margins.relative(measure):
        gaps = [Statistic(gap.sums, _percent, gap.n) for gap in gaps]
    for (first, second), gap in zip(pairs, gaps, strict=True):
        yield {"measure": measure, "first": first, "second": second}, gap


def _levels(test: Mapping[str, Any], study: Study, measure: str) -> Found:
    """Compare variants on simple images, on complex ones, or complex minus simple."""
    for split in test["split"]:
        if split not in study.levels:
            if not test.get("optional"):
                yield {"measure": measure, "split": split}, _none(f"no {split}")
            continue
        for first, second in study.pairs(test["first"], test["second"]):
            if not (known := study.sums(measure)).of.keys() >= {first, second}:
                continue
            gaps = gaps_by_level(known, study.levels[split], first, second)
            labels = {"first": first, "second": second, "split": split, "level": test["level"]}
            yield {"measure": measure, **labels}, gaps[test["level"]]


def _percent(sums: Array) -> Array:
    """Return by how many percent the first half's ratio exceeds the second's; (..., p) → (...)."""
    half = sums.shape[-1] // 2
    return np.asarray(100 * (ratio(sums[..., :half]) / ratio(sums[..., half:]) - 1))
