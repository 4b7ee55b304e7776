"""The page docs/findings.md: each claim of the paper, what a run shows, and an honest verdict.

``python -m analysis.figures.findings --run RUN --out docs/findings.md``
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.errors import AgileError, UsageError
from analysis.figures.base import DEMONSTRATION
from analysis.figures.claims import CLAIMS, Claim, Evidence
from analysis.figures.inputs import Inputs
from chair_eval.bootstrap import Bootstrap

SUPPORTED, NOT_SEEN, CONTRADICTED = "supported", "not seen", "contradicted"
MIXED, NO_DATA = "mixed", "no data"


@dataclass(frozen=True)
class Finding:
    """A claim, the evidence of one run, and the verdict that follows from it.

    Parameters
    ----------
    claim
        What the paper says.
    evidence
        What the run shows; empty when it lacks the data.
    verdict
        One of supported, not seen, contradicted, mixed, no data.
    missing
        Which data are lacking, with the command that makes them.
    """

    claim: Claim
    evidence: tuple[Evidence, ...]
    verdict: str
    missing: str = ""


def verdict(evidence: Sequence[Evidence]) -> str:
    """Return the verdict that follows from evidence by rule.

    Every piece has an expected sign. Its interval lies on the expected side (for), on the other
    side (against), or holds zero (open). Only decisive pieces count, where there are any. All for:
    supported; all against: contradicted; some for and some against: mixed; otherwise: not seen.
    """
    usable = [piece for piece in evidence if piece.sides is not None]
    if not usable:
        return NO_DATA
    decisive = [piece for piece in usable if piece.decisive] or usable
    sides = {piece.sides for piece in decisive}
    if {1, -1} <= sides:
        return MIXED
    if sides == {1}:
        return SUPPORTED
    return CONTRADICTED if sides == {-1} else NOT_SEEN


def findings(inputs: Inputs) -> list[Finding]:
    """Return one finding a claim, in the paper's order."""
    found = []
    for claim in CLAIMS:
        try:
            evidence = tuple(claim.evidence(inputs))
            found.append(Finding(claim, evidence, verdict(evidence)))
        except (AgileError, UsageError) as error:
            found.append(Finding(claim, (), NO_DATA, str(error)))
    return found


def page(inputs: Inputs, found: Sequence[Finding]) -> str:
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
        f"{inputs.boot.level:.0%}, bootstrap over images, seed {inputs.boot.seed}.",
        "",
    ]
    if inputs.is_embedded:
        lines += [f"**{DEMONSTRATION}** A verdict below is about this run only.", ""]
    lines += ["| claim | verdict in this run |", "|---|---|"]
    lines += [f"| {each.claim.title} | {each.verdict} |" for each in found]
    for place, each in enumerate(found, start=1):
        lines += ["", f"## {place}. {each.claim.title}", "", f"The paper: {each.claim.text}", ""]
        lines += [f"- {piece.sentence}" for piece in each.evidence]
        if each.missing:
            lines.append(f"- Not in this run: {each.missing}")
        lines += ["", f"Verdict: **{each.verdict}**. {each.claim.reading}"]
    lines += [
        "",
        "## How a verdict is reached",
        "",
        "Each line above has an expected sign, fixed before looking. *Supported*: every decisive "
        "interval lies on the expected side of zero. *Contradicted*: every one lies on the other "
        "side. *Mixed*: some on either side. *Not seen*: otherwise; an interval that holds zero "
        "is no evidence of absence, so the smallest effect this run could have found is stated "
        "where it is known.",
    ]
    return "\n".join(lines) + "\n"


def write(run: Path, out: Path, boot: Bootstrap | None = None) -> list[Finding]:
    """Write the page of a run and return its findings."""
    inputs = Inputs(run, boot or Bootstrap())
    found = findings(inputs)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page(inputs, found), encoding="utf-8", newline="\n")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.figures.findings", description=__doc__
    )
    parser.add_argument("--run", type=Path, default=Path("data/runs/pocket-scenes"))
    parser.add_argument("--out", type=Path, default=Path("docs/findings.md"))
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    try:
        write(given.run, given.out, Bootstrap(seed=given.seed))
    except (AgileError, UsageError) as error:
        parser.exit(error.exit_code, f"{error}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
