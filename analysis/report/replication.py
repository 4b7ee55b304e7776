"""The section that sets a run against a second one."""

from collections.abc import Mapping

from analysis.figures.claims import CLAIMS, UNITS
from analysis.figures.inputs import Inputs
from analysis.figures.study import study
from analysis.figures.wording import images, interval, number
from analysis.report.sections import Section
from analysis.stats.claims import judge
from analysis.stats.estimate import decimals, records
from analysis.stats.margins import Margins
from analysis.stats.replication import PAIRED, Replication, images_of, replicate


def replicated(
    inputs: Inputs, other: Inputs, margins: Margins | None = None
) -> dict[str, Replication]:
    """Return how every claim fares in a run and in a second one."""
    sides = [study(each, margins) for each in (inputs, other)]
    return replicate(sides[0], sides[1], (judge(sides[0]), judge(sides[1])))


def replication_section(inputs: Inputs, other: Inputs, found: Mapping[str, Replication]) -> Section:
    """Return the section: one sentence a claim, then every decisive test of both runs."""
    shared = images_of(study(inputs), study(other))
    return Section(
        "The same claims in a second run",
        (
            f"Against run `{other.path.name}`: model `{other.model}`, data `{other.data}`, "
            f"{len(other.images):,} images, main budget {other.main_keep} of {other.n_tokens} "
            f"tokens. By their ids the runs hold {shared}; {_how(shared)}",
        ),
        points=tuple(_sentence(each.key, each.title, found, other) for each in CLAIMS),
        table=_table(found),
    )


def _how(shared: str) -> str:
    """Say how differences between runs got their intervals."""
    if shared == "the same images":
        return (
            "differences are paired: images are drawn for both runs at once. The correlation over "
            "methods is taken as independent."
        )
    return (
        "differences are those of two independent estimates, their limits recovered from the "
        "limits of both (Zou & Donner 2008), which is on the wide side where images are shared."
    )


def _sentence(key: str, title: str, found: Mapping[str, Replication], other: Inputs) -> str:
    """Say for one claim whether the second run gives the same verdict, and how many tests move."""
    each = found[key]
    if each.same:
        text = f"{title}: **{each.first}** in both runs"
    else:
        text = f"{title}: **{each.first}** here, **{each.second}** in `{other.path.name}`"
    if each.frame.empty:
        return f"{text}; no decisive test was estimated in both."
    total = len(each.frame)
    text += f"; {each.apart} of {total} decisive tests differ between the runs"
    return f"{text} ({each.lacking} more in one run only)." if each.lacking else f"{text}."


def _table(found: Mapping[str, Replication]) -> tuple[tuple[str, ...], ...]:
    """Return one row a decisive test that both runs estimated, with the header."""
    rows = [("claim", "test", "here", "there", "difference", "n", "how")]
    units = Margins.load().units
    for claim in CLAIMS:
        for each in records(found[claim.key].frame):
            unit = UNITS.get(units.get(each["measure"], ""), "")
            where = f", {each['level']} ({each['split']})" if each["level"] else ""
            digits = decimals(abs(each["high"] - each["low"]) / 4, 0, 2)
            rows.append(
                (
                    claim.key,
                    f"{each['compared']}, {each['measure']}{where}",
                    number(each["first_estimate"], signed=True),
                    number(each["second_estimate"], signed=True),
                    f"{interval(each, digits, signed=True)}{unit}",
                    images(each).removeprefix("n = "),
                    "paired" if each["how"] == PAIRED else "independent",
                )
            )
    return tuple(rows) if len(rows) > 1 else ()
