"""Render the model card from its numbers.

Run as ``python -m analysis.pocket.card``, with ``--numbers`` and ``--out`` for other files.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from analysis.pocket.summary import CAUSES, RATES

_TEMPLATE = Path(__file__).with_name("card.md.j2")
_GROUPS = ("all", "simple", "medium", "complex")


def span(values: Sequence[float], digits: int = 1) -> str:
    """Return "estimate [low, high]" with a fixed number of digits."""
    estimate, low, high = (f"{value:.{digits}f}" for value in values)
    return f"{estimate} [{low}, {high}]"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table that ends with a line break."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def rate_table(numbers: dict[str, Any], variant: str) -> str:
    """Return the rates of one variant, a column per complexity."""
    groups = numbers["variants"][variant]
    rows = [[rate, *(span(groups[group][rate]) for group in _GROUPS)] for rate in RATES]
    counts = [f"{group} (n = {groups[group]['n']})" for group in _GROUPS]
    return markdown_table(["%", *counts], rows)


def variant_table(numbers: dict[str, Any]) -> str:
    """Return CHAIR, recall and accuracy of every variant."""
    shown = ("CHAIR_i", "CHAIR_s", "recall", "yes/no accuracy")
    rows = [
        [variant, *(span(groups["all"][rate]) for rate in shown)]
        for variant, groups in numbers["variants"].items()
    ]
    return markdown_table(["variant, %", *shown], rows)


def difference_table(numbers: dict[str, Any]) -> str:
    """Return the paired differences between variants."""
    shown = ("CHAIR_i", "CHAIR_s", "recall", "yes/no accuracy")
    rows = [
        [pair, *(span(found[rate]) for rate in shown)]
        for pair, found in numbers["differences"].items()
    ]
    return markdown_table(["difference", *shown], rows)


def cause_table(numbers: dict[str, Any]) -> str:
    """Return entropy and erank against number, size and texture, and their means by group."""
    found = numbers["causes"]
    rows = [
        [
            f"rank correlation with {cause}",
            *(span(found[m][cause], 2) for m in ("entropy", "erank")),
        ]
        for cause in CAUSES
    ]
    groups = [key for key in found["entropy"] if key.startswith(("theme", "complexity"))]
    rows += [
        [f"mean, {key}", *(span(found[m][key], 2) for m in ("entropy", "erank"))] for key in groups
    ]
    return markdown_table(["", "entropy", "erank"], rows)


def ablation_table(cells: Sequence[dict[str, Any]]) -> str:
    """Return one row per ablation cell."""
    shown = {
        "CHAIR_i": 1,
        "accuracy": 1,
        "random@36 accuracy": 1,
        "divprune-attention CHAIR_i": 1,
        "entropy~n": 2,
        "object_mass": 2,
    }
    rows = [
        [
            "on" if cell["mass"] else "off",
            "on" if cell["dropping"] else "off",
            str(cell["seed"]),
            *(span(cell[key], digits) for key, digits in shown.items()),
        ]
        for cell in sorted(cells, key=lambda c: (not c["mass"], not c["dropping"], c["seed"]))
    ]
    header = [
        "mass loss",
        "dropping",
        "seed",
        "CHAIR_i",
        "yes/no",
        "random@36 minus full, yes/no",
        "DivPrune minus attention, CHAIR_i",
        "entropy with number",
        "mass on objects",
    ]
    return markdown_table(header, rows)


def trial_table(trial: dict[str, Any]) -> str:
    """Return the attention measures of the contrastive tower beside its labelled twin."""
    keys = ("mass", "share", "entropy_number", "entropy_texture", "entropy_size", "probe_f1")
    rows = [[key, f"{trial['contrast'][key]:.3f}", f"{trial['labels'][key]:.3f}"] for key in keys]
    return markdown_table(["", "contrastive", "labels + mass loss"], rows)


def render_card(numbers: dict[str, Any]) -> str:
    """Return the model card as Markdown.

    Parameters
    ----------
    numbers
        The content of `card.json`.
    """
    environment = Environment(
        undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    helpers = (span, rate_table, variant_table, difference_table, cause_table, ablation_table,
               trial_table)  # fmt: skip
    template = environment.from_string(_TEMPLATE.read_text())
    return template.render(**numbers, **{helper.__name__: helper for helper in helpers})


def main(arguments: Sequence[str] | None = None) -> None:
    """Render the card from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--numbers", type=Path, default=Path("data/pocket/card.json"))
    parser.add_argument("--out", type=Path, default=Path("data/pocket/README.md"))
    options = parser.parse_args(arguments)
    options.out.write_text(render_card(json.loads(options.numbers.read_text())))


if __name__ == "__main__":
    main()
