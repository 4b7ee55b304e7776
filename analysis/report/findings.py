"""The page of the findings, as Markdown with pictures beside it and as one HTML file."""

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup, escape

from analysis.catalogue import look
from analysis.figures import FIGURES
from analysis.figures.base import DEMONSTRATION
from analysis.figures.claim_forest import claim_figure
from analysis.figures.findings import Finding, rule
from analysis.figures.inputs import Inputs, MissingInput
from analysis.figures.wording import capital, number
from analysis.files import write_atomically, write_text
from analysis.plots.style import drawing
from analysis.report.pictures import Picture, picture
from analysis.report.replication import replication_section
from analysis.report.sections import Section
from analysis.stats.margins import Margins
from analysis.stats.replication import Replication

_HERE = Path(__file__).parent
# Evidence beside the claims: recipe → heading. One that does not exist, or that the run has no
# data for, is left out or says so.
EVIDENCE = {
    "specification_curve": "Every way to ask whether diversity goes with hallucination",
    "dose_response": "Dose and response: attention share drawn at random",
    "hard_samples": "Plain downsampling, and the samples it gets wrong",
    "released_captions": "Captions of real models",
    "method_correlations": "The published tables: methods as the units",
}
ASSUMPTIONS = (
    "**Images are drawn independently** from what they are to stand for; scenes of one generator "
    "or frames of one video are fewer images than they seem.",
    "**Methods are the ones compared.** Only the correlation inside images, and the curve of "
    "specifications, take the methods as a sample too; every other test is about the two methods "
    "it names, and leaving one out says what hangs on it.",
    "**The metric is right.** CHAIR counts objects of its vocabulary against annotated objects: an "
    "unannotated object that is there counts as invented.",
    "**No cause is identified** where methods are compared: kept erank, attention and places "
    "change together. The mediation assumes that nothing unmeasured moves both mediator and "
    "outcome; its sensitivity is given with it.",
    "**Margins are conventions**, fixed before the verdicts were looked at and open to change "
    "(`agile findings --margins FILE`).",
)


@dataclass(frozen=True)
class Page:
    """What the page says, whatever it is written as.

    Parameters
    ----------
    intro
        Paragraphs of what this is and which run it rests on.
    rule
        How a verdict is reached.
    verdicts
        Rows of claim, verdict, and what leaving out methods does.
    sections
        Claims, further evidence, replication, assumptions.
    """

    intro: tuple[str, ...]
    rule: tuple[str, ...]
    verdicts: tuple[tuple[str, str, str], ...]
    sections: tuple[Section, ...]


def page(
    inputs: Inputs,
    found: Sequence[Finding],
    margins: Margins | None = None,
    against: tuple[Inputs, dict[str, Replication]] | None = None,
) -> Page:
    """Return the page of a run.

    Parameters
    ----------
    inputs
        The run.
    found
        Its findings.
    margins
        Smallest effects of interest they were judged by.
    against
        A second run, and how each claim fares there.
    """
    margins = margins or Margins.load()
    sections = [_claim(place, each, margins) for place, each in enumerate(found, start=1)]
    if against:
        sections.append(replication_section(inputs, *against))
    sections += _evidence(inputs)
    sections.append(Section("What all this assumes", points=ASSUMPTIONS))
    verdicts = tuple((each.claim.title, each.judgement.text, each.without or "—") for each in found)
    return Page(tuple(_intro(inputs)), tuple(rule(inputs, margins)), verdicts, tuple(sections))


def _intro(inputs: Inputs) -> Iterator[str]:
    """Yield what the page is, and the run in numbers."""
    yield (
        "Each claim of the AgilePruner paper, what one run shows for it, and the verdict. Written "
        "by `make findings` from the run's records; do not edit."
    )
    yield (
        f"Run: model `{inputs.model}`, data `{inputs.data}`, {len(inputs.images):,} images, "
        f"{inputs.pruned['pruner'].nunique()} methods, {inputs.n_tokens} visual tokens; main "
        f"budget {inputs.main_keep} tokens. Intervals: {inputs.boot.level:.0%}, "
        f"{inputs.boot.drawn(len(inputs.images)):,} resamples, seed {inputs.boot.seed}."
    )
    if inputs.is_embedded:
        yield f"**{DEMONSTRATION}** A verdict below is about this run only."


def _claim(place: int, finding: Finding, margins: Margins) -> Section:
    """Return the section of one claim."""
    frame = finding.judgement.frame
    named = [look(name).label for name in finding.methods]
    images = int(frame["n"].max()) if len(frame) else 0
    basis = f"Based on {images:,} images and {len(named)} methods: {', '.join(named)}."
    points = list(finding.sentences)
    points += [f"Not in this run: {finding.missing}."] if finding.missing else []
    after = [f"**Without single methods.** {finding.without}"] if finding.without else []
    after += [f"**What would change it.** {' '.join(finding.changes)}"]
    with drawing(finding.claim.key):
        figure = claim_figure(finding, margins)
        shown = figure and picture(finding.claim.key, figure, _alt(finding))
    return Section(
        f"{place}. {finding.claim.title}",
        (
            f"The paper: {finding.claim.text}",
            f"Verdict: **{finding.judgement.text}**. {finding.claim.reading}",
            *([basis] if named and images else []),
        ),
        shown or None,
        tuple(points),
        tuple(after),
    )


def _alt(finding: Finding) -> str:
    """Say in words what the forest of a claim shows."""
    frame = finding.judgement.frame
    counts = frame.loc[frame["decisive"], "outcome"].value_counts()
    parts = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    return (
        f"Forest of the tests of “{finding.claim.title}”: {len(frame)} tests, of the decisive ones "
        f"{parts}; verdict {finding.judgement.text}. Every number is in the list below."
    )


def _evidence(inputs: Inputs) -> Iterator[Section]:
    """Yield the sections of evidence beside the claims."""
    for name, title in EVIDENCE.items():
        if name not in FIGURES:
            continue
        recipe = FIGURES.get(name)
        try:
            with drawing(name):
                drawn = recipe.build(inputs)
                shown = drawn.figure and picture(name, drawn.figure, _described(recipe.shows))
        except MissingInput as error:
            yield Section(title, (f"Not in this run: {error}",))
            continue
        note = " " + DEMONSTRATION if inputs.is_embedded and drawn.of_run else ""
        rows = _table(drawn.data[""]) if recipe.kind == "table" else ()
        yield Section(title, (drawn.caption + note,), shown or None, table=rows)


def _described(shows: str) -> str:
    return f"{capital(shows)}. The text says in words what is seen."


def _table(frame: pd.DataFrame) -> tuple[tuple[str, ...], ...]:
    """Return a frame as printed cells, the header first; how it was made is left to the CSV."""
    frame = frame.drop(columns=["method", "seed"], errors="ignore").dropna(axis=1, how="all")
    head = tuple(str(name).replace("_", " ") for name in frame.columns)
    return (head, *(tuple(map(_cell, row)) for row in frame.itertuples(index=False)))


def _cell(value: object) -> str:
    """Print a value of a table: numbers with two decimals, nothing as a dash."""
    if isinstance(value, float):
        return number(value) if np.isfinite(value) else "—"
    return str(value) if value not in (None, "") else "—"


def markdown(page: Page, folder: str) -> str:
    """Return the page as Markdown whose pictures lie in ``folder``."""
    return _environment().get_template("findings.md.j2").render(page=page, folder=folder)


def html(page: Page) -> str:
    """Return the page as one HTML file that needs nothing beside it."""
    return _environment().get_template("findings.html.j2").render(page=page)


def write_findings(page: Page, out: Path | None, standalone: Path | None) -> list[Path]:
    """Write Markdown with its pictures in ``images/findings`` beside it, and HTML.

    Returns
    -------
    list of Path
        The pages written. Pictures of an earlier page are replaced.
    """
    written = []
    if out is not None:
        folder = out.parent / "images" / "findings"
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.png"):
            old.unlink()
        for each in _pictures(page):
            write_atomically(folder / f"{each.name}.png", partial(_put, content=each.png))
        written.append(write_text(out, markdown(page, "images/findings")))
    if standalone is not None:
        written.append(write_text(standalone, html(page)))
    return written


def _put(file: Path, content: bytes) -> None:
    file.write_bytes(content)


def _pictures(page: Page) -> list[Picture]:
    return [each.picture for each in page.sections if each.picture]


def _environment() -> Environment:
    known = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=select_autoescape(enabled_extensions=("html.j2",)),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    known.filters["inline"] = inline
    known.filters["data"] = lambda png: base64.b64encode(png).decode("ascii")
    return known


def inline(text: str) -> Markup:
    """Return Markdown's ``code``, strong and emphasised words of one paragraph as HTML."""
    found = str(escape(text))
    for pattern, tag in (
        (r"`([^`]+)`", "code"),
        (r"\*\*([^*]+)\*\*", "strong"),
        (r"(?<![\w*])\*([^*\s][^*]*)\*(?![\w*])", "em"),
    ):
        found = re.sub(pattern, rf"<{tag}>\1</{tag}>", found)
    # Escaped above; the tags are ours.
    return Markup(found)  # nosec B704
