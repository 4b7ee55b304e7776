"""The page docs/findings.md: each claim of the paper, what a run shows, and an honest verdict.

``python -m analysis.figures.findings --run RUN --out docs/findings.md``
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.errors import AgileError, UsageError
from analysis.figures.base import DEMONSTRATION
from analysis.figures.claims import CLAIMS, Claim, context, missing, sentence
from analysis.figures.inputs import Inputs
from analysis.figures.study import study
from analysis.files import write_text
from analysis.stats.claims import Judgement, judged
from analysis.stats.estimate import records
from analysis.stats.margins import Margins
from chair_eval.bootstrap import Bootstrap


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
    """

    claim: Claim
    judgement: Judgement
    sentences: tuple[str, ...]
    missing: str = ""

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
        found.append(Finding(claim, judgement, tuple(said), missing(inputs, judgement)))
    return found


def page(inputs: Inputs, found: Sequence[Finding], margins: Margins | None = None) -> str:
    """Return the page as Markdown; equal inputs give equal text."""
    count = len(inputs.images)
    lines = [
        "# Findings",
        "",
        "Each claim of the AgilePruner paper, what one run shows for it, and the verdict. Written "
        "by `make findings` from the run's records; do not edit.",
        "",
        f"Run: model `{inputs.model}`, data `{inputs.data}`, {count:,} images, "
        f"{inputs.n_tokens} visual tokens; main budget {inputs.main_keep} tokens. Intervals: "
        f"{inputs.boot.level:.0%}, {inputs.boot.n_resamples:,} resamples, seed "
        f"{inputs.boot.seed}.",
        "",
    ]
    if inputs.is_embedded:
        lines += [f"**{DEMONSTRATION}** A verdict below is about this run only.", ""]
    lines += [*rule(inputs, margins or Margins.load()), ""]
    lines += ["| claim | verdict in this run |", "|---|---|"]
    lines += [f"| {each.claim.title} | {each.judgement.text} |" for each in found]
    for place, each in enumerate(found, start=1):
        lines += ["", f"## {place}. {each.claim.title}", "", f"The paper: {each.claim.text}", ""]
        lines += [f"- {text}" for text in each.sentences]
        if each.missing:
            lines.append(f"- Not in this run: {each.missing}.")
        lines += ["", f"Verdict: **{each.judgement.text}**. {each.claim.reading}"]
    return "\n".join(lines) + "\n"


def rule(inputs: Inputs, margins: Margins) -> list[str]:
    """Return how a verdict is reached, with the margins, as lines of Markdown."""
    sizes = ", ".join(
        f"{name} {margins.of(name):g} {margins.units[name]}" for name in margins.values
    )
    return [
        "## How a verdict is reached",
        "",
        "Tests, signs, families and margins are declared in `analysis/stats/claims.yaml`; they "
        "were fixed before the verdicts were looked at. Interval, p and q of a test come from one "
        "construction; q corrects p over the decisive tests of its claim "
        "(Benjamini–Hochberg).",
        "",
        f"A test is *for* or *against* where q < {1 - inputs.boot.level:.2g} and the effect "
        "reaches its smallest effect of interest; *equivalent* where two one-sided tests place it "
        "inside; "
        f"else *open*. Smallest effects of interest: {sizes}.",
        "",
        "*Supported*: every decisive test is for the claim. *Partly*: some are, none is against. "
        "*Mixed*: some on either side. *Contradicted*: some are against, none for. *Equivalent*: "
        "all are. *Inconclusive*: otherwise; what would have been found is stated. *No data*: a "
        "decisive test is undefined or was not measured.",
    ]


def write(
    run: Path, out: Path, boot: Bootstrap | None = None, margins: Margins | None = None
) -> list[Finding]:
    """Write the page of a run and return its findings."""
    inputs = Inputs(run, boot or Bootstrap())
    found = findings(inputs, margins)
    write_text(out, page(inputs, found, margins))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.figures.findings", description=__doc__
    )
    parser.add_argument("--run", type=Path, default=Path("data/runs/pocket-scenes"))
    parser.add_argument("--out", type=Path, default=Path("docs/findings.md"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--margins", type=Path, help="YAML of smallest effects of interest.")
    given = parser.parse_args(arguments)
    try:
        margins = Margins.load(given.margins)
        write(given.run, given.out, Bootstrap(seed=given.seed), margins)
    except (AgileError, UsageError) as error:
        parser.exit(error.exit_code, f"{error}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
