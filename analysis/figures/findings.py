"""Each claim of the paper, what a run shows, an honest verdict, and what that hangs on."""

from dataclasses import dataclass

from analysis.figures.claims import CLAIMS, Claim, context, missing, sentence
from analysis.figures.inputs import Inputs
from analysis.figures.robustness import leave_one_out, methods_of, would_change
from analysis.figures.study import study
from analysis.stats.claims import Judgement, judged
from analysis.stats.estimate import records
from analysis.stats.margins import Margins


@dataclass(frozen=True)
class Finding:
    """A claim, its tests on one run, and the verdict that follows.

    Parameters
    ----------
    claim
        What the paper says.
    judgement
        The tests and the verdict.
    sentences
        Every test in words, decisive ones first, then context.
    missing
        Which decisive data are lacking, with the command that makes them; empty if none.
    without
        What leaving out single methods does to the verdict; empty where there is none.
    changes
        What would change the verdict, in sentences.
    methods
        Names of the methods that the decisive tests compare.
    """

    claim: Claim
    judgement: Judgement
    sentences: tuple[str, ...]
    missing: str = ""
    without: str = ""
    changes: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """One of `analysis.stats.verdicts.VERDICTS`."""
        return self.judgement.verdict


def findings(inputs: Inputs, margins: Margins | None = None) -> list[Finding]:
    """Return one finding a claim, in the paper's order."""
    margins = margins or Margins.load()
    seen = study(inputs, margins)
    found = []
    for claim in CLAIMS:
        judgement = judged(claim.key, seen)
        said = [
            ("" if row["decisive"] else "Context: ") + sentence(row, margins)
            for row in records(judgement.frame)
        ]
        said += [f"Context: {text}" for text in context(inputs, claim.key)]
        found.append(
            Finding(
                claim,
                judgement,
                tuple(said),
                missing(inputs, judgement),
                leave_one_out(inputs, claim.key, judgement, margins),
                tuple(would_change(inputs, claim.key, judgement, margins)),
                tuple(methods_of(inputs, claim.key)),
            )
        )
    return found


def rule(inputs: Inputs, margins: Margins) -> list[str]:
    """Return how a verdict is reached, with the margins, as paragraphs."""
    sizes = ", ".join(
        f"{name} {margins.of(name):g} {margins.units[name]}" for name in margins.values
    )
    return [
        "Tests, signs, families and margins are declared in `analysis/stats/claims.yaml`; they "
        "were fixed before the verdicts were looked at. Interval, p and q of a test come from one "
        "construction; q corrects p over the decisive tests of its claim "
        "(Benjamini–Hochberg).",
        f"A test is *for* or *against* where q < {1 - inputs.boot.level:.2g} and the effect "
        "reaches its smallest effect of interest; *equivalent* where two one-sided tests place it "
        f"inside; else *open*. Smallest effects of interest: {sizes}.",
        "*Supported*: every decisive test is for the claim. *Partly*: some are, none is against. "
        "*Mixed*: some on either side. *Contradicted*: some are against, none for. *Equivalent*: "
        "all are. *Inconclusive*: otherwise; what would have been found is stated. *No data*: a "
        "decisive test is undefined or was not measured.",
    ]
