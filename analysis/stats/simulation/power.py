"""How often each verdict comes when the truth is known."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import pandas as pd

from analysis.stats.claims import Study, judged
from analysis.stats.complexity import CROSSOVER, kind_of
from analysis.stats.margins import declared
from analysis.stats.simulation.truths import TRUTHS
from analysis.stats.simulation.world import World, roles
from analysis.stats.verdicts import CONTRADICTED, PARTLY, SUPPORTED, VERDICTS
from chair_eval.bootstrap import Bootstrap

# Studies a process judges before it hands back what it found.
_BATCH = 10


@dataclass(frozen=True)
class Goal:
    """What share of verdicts a truth should give.

    Parameters
    ----------
    verdicts
        The verdicts that count, `CROSSOVER` for the crossing itself.
    at_most, share
        Whether the share is the most or the least allowed.
    """

    verdicts: tuple[str, ...]
    at_most: bool
    share: float

    def __str__(self) -> str:
        sign = "<=" if self.at_most else ">="
        return f"{' or '.join(self.verdicts)} {sign} {100 * self.share:g} %"

    def met(self, share: float) -> bool:
        """Tell whether a share of the simulations meets it."""
        return share <= self.share if self.at_most else share >= self.share


_NEVER = Goal((SUPPORTED, CONTRADICTED), True, 0.05)
_SEEN = Goal((SUPPORTED, PARTLY), False, 0.8)
_TURNED = Goal((CONTRADICTED,), False, 0.8)


def goal(truth: str, claim: str) -> Goal | None:
    """Return what is asked of a truth and claim; ``None`` where the truth is about other claims."""
    if truth in ("null", "paper-like", "reversed"):
        if (truth, claim) == ("reversed", "audit"):
            return None
        return {"null": _NEVER, "paper-like": _SEEN, "reversed": _TURNED}[truth]
    single = {
        ("reversed audit", "audit"): _TURNED,
        ("recall only", "hallucination"): Goal((CONTRADICTED,), True, 0.05),
        ("no crossover", "complexity"): Goal((CROSSOVER,), True, 0.05),
        ("no gap on simple images", "complexity"): Goal((CROSSOVER,), True, 0.05),
        ("rival ties", "audit"): Goal((SUPPORTED,), True, 0.05),
    }
    return single.get((truth, claim))


@dataclass(frozen=True)
class Plan:
    """What to simulate.

    Parameters
    ----------
    simulations
        Studies per truth.
    n_images, questions
        Size of each, see `World`.
    n_resamples
        Bootstrap samples of each judgement.
    seed
        Seed; study k of a truth is the same whatever else is simulated.
    truths
        Names of `TRUTHS`.
    """

    simulations: int = 200
    n_images: int = 500
    questions: int = 6
    n_resamples: int = 1000
    seed: int = 0
    truths: Sequence[str] = field(default_factory=lambda: tuple(TRUTHS))

    def study(self, truth: str, number: int) -> Study:
        """Return one study with its truth planted."""
        rng = np.random.default_rng([self.seed, list(TRUTHS).index(truth), number])
        units, images = World(TRUTHS[truth], self.n_images, self.questions).draw(rng)
        return Study(units, images, roles(), Bootstrap(self.n_resamples, seed=self.seed))


def found(plan: Plan, truth: str, numbers: Iterable[int]) -> list[tuple[str, str, str]]:
    """Judge some studies by the claims their truth is about; return truth, claim and verdict.

    A crossover in both splits is one verdict more of the claim on complexity.
    """
    rows = []
    for number in numbers:
        study = plan.study(truth, number)
        for claim in about(truth):
            judgement = judged(claim, study, context=False)
            rows += [(truth, claim, judgement.verdict)]
            if claim == "complexity" and _crosses(judgement.frame):
                rows.append((truth, claim, CROSSOVER))
    return rows


def _crosses(frame: pd.DataFrame) -> bool:
    """Tell whether the families swap places in every split."""
    levels = frame[frame["level"] != ""]
    kinds = {kind_of(part.assign(group=part["level"])) for _, part in levels.groupby("split")}
    return kinds == {CROSSOVER}


def about(truth: str) -> list[str]:
    """Return the claims that a truth is about: those that something is asked of, else all."""
    claims = list(declared()["claims"])
    return [claim for claim in claims if goal(truth, claim)] or claims


def rates(plan: Plan, processes: int = 1) -> Iterator[pd.DataFrame]:
    """Simulate; yield the table after every truth.

    Parameters
    ----------
    plan
        What to simulate.
    processes
        How many judge at once; the result does not depend on it.

    Yields
    ------
    DataFrame
        One row per truth × claim so far: ``truth, claim``, one column per verdict and
        ``crossover`` with the share of the studies (0 to 1), ``goal, reached, met`` (empty where
        nothing is asked), ``simulations, n_images, questions, n_resamples, seed``.
    """
    rows: list[dict[str, object]] = []
    if processes == 1:
        for truth in plan.truths:
            rows += _rows(plan, truth, found(plan, truth, range(plan.simulations)))
            yield pd.DataFrame(rows)
        return
    starts = range(0, plan.simulations, _BATCH)
    batches = [range(start, min(start + _BATCH, plan.simulations)) for start in starts]
    with ProcessPoolExecutor(processes) as pool:
        for truth in plan.truths:
            size = len(batches)
            parts = pool.map(found, [plan] * size, [truth] * size, batches)
            rows += _rows(plan, truth, list(chain.from_iterable(parts)))
            yield pd.DataFrame(rows)


def _rows(plan: Plan, truth: str, seen: list[tuple[str, str, str]]) -> list[dict[str, object]]:
    """Return the row of every claim under one truth."""
    rows: list[dict[str, object]] = []
    for claim in about(truth):
        count = Counter(verdict for _, about, verdict in seen if about == claim)
        share = {name: count[name] / plan.simulations for name in (*VERDICTS, CROSSOVER)}
        asked = goal(truth, claim)
        reached = sum(share[name] for name in asked.verdicts) if asked else np.nan
        rows.append(
            {
                "truth": truth,
                "claim": claim,
                **share,
                "goal": str(asked) if asked else "",
                "reached": round(reached, 4),
                "met": ("yes" if asked.met(round(reached, 9)) else "no") if asked else "",
                "simulations": plan.simulations,
                "n_images": plan.n_images,
                "questions": plan.questions,
                "n_resamples": plan.n_resamples,
                "seed": plan.seed,
            }
        )
    return rows
