"""Results as text: a table for the terminal (80 columns) and one for LaTeX."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from chair_eval.result import Result
from chair_eval.tally import BASES, counted

# metric → (name, LaTeX name, scale, unit, what its n counts)
ROWS: dict[str, tuple[str, str, float, str, str]] = {
    "chair_s": ("CHAIR_s", r"CHAIR$_s$", 100, " %", "captions"),
    "chair_i": ("CHAIR_i", r"CHAIR$_i$", 100, " %", "mentions"),
    "recall": ("Recall", "Recall", 100, " %", "objects present"),
    "precision": ("Precision", "Precision", 100, " %", "objects mentioned"),
    "f1": ("F1", r"F$_1$", 100, " %", "captions"),
    "len": ("Len, tokens", "Len", 1, "", "captions"),
    "len_space": ("Len, blanks", "Len (blanks)", 1, "", "captions"),
    "mentions_per_caption": ("Mentions", "Mentions", 1, "", "captions"),
}
SHORT = ("chair_s", "chair_i", "recall", "len")
WORST = 8


def shown(metric: str, value: float) -> str:
    """Value as papers print it: one decimal, ratios in percent; a dash for NaN."""
    return "–" if math.isnan(value) else f"{value * ROWS[metric][2]:.1f}"


def about_lines(about: Mapping[str, Any]) -> list[str]:
    """Two lines that say which CHAIR this is."""
    preset = about["preset"] or "no preset"
    lines = [
        f"CHAIR, {preset}: captions {about['dialect']}, ground truth {about['ground_truth']}",
        f"vocabulary {about['vocabulary']} ({about['vocabulary_hash']}), "
        f"ground truth from {about['ground_truth_source']}",
    ]
    if about["n_unknown_skipped"]:
        lines.append(f"{counted(about['n_unknown_skipped'], 'caption')} of unknown images left out")
    if about["n_duplicates"]:
        lines.append(f"{counted(about['n_duplicates'], 'further caption')} of images seen before")
    return lines


def level_name(about: Mapping[str, Any]) -> str:
    """Level of the intervals in percent, as it was asked for ("95%", "99.9%")."""
    return f"{100 * about['bootstrap']['level']:.8g}%"


def bootstrap_line(about: Mapping[str, Any]) -> str:
    """Say how the intervals came about."""
    how = about["bootstrap"]
    if not how["draws"]:
        return "no intervals"
    return f"intervals: {how['method']}, {how['draws']:,} draws, seed {how['seed']}"


def terminal_table(result: Result) -> str:
    """Return the result as lines of at most 80 characters."""
    head = f"{'':<12}{'value':>10}   {f'{level_name(result.about)} interval':<17}{'n':>9}"
    lines = [*(_cut(line) for line in about_lines(result.about)), "", head, "─" * 72]
    for metric, (name, _, _, unit, base) in ROWS.items():
        low, high = result.intervals[metric]
        interval = "" if math.isnan(low) else f"{shown(metric, low)} – {shown(metric, high)}"
        value = shown(metric, result.metrics[metric])
        if value != "–":
            value += unit
        lines.append(
            f"{name:<12}{value:>10}   {interval:<17}{result.counts[BASES[metric]]:>9,} {base}"
        )
    lines += ["", *_worst(result.per_category)]
    return "\n".join(line.rstrip() for line in lines)


def _worst(per_category: Sequence[Mapping[str, Any]]) -> list[str]:
    wrong = [row for row in per_category if row["hallucinated"]]
    if not wrong:
        return ["No hallucinated object."]
    wrong.sort(key=lambda row: (-row["hallucinated"], row["category"]))
    lines = ["Hallucinated most often (of all mentions):"]
    for row in wrong[:WORST]:
        share = f"{row['hallucinated']:>6,} of {row['mentions']:,}"
        lines.append(_cut(f"  {row['category']:<24}{share:<18}{row['hallucination_rate']:>7.1%}"))
    return lines


def _cut(line: str) -> str:
    return line if len(line) <= 80 else line[:79] + "…"


def latex_table(results: Mapping[str, Result]) -> str:
    """Return a booktabs table, one row per named result, intervals in small print."""
    first = next(iter(results.values()))
    head = " & ".join(ROWS[metric][1] for metric in SHORT)
    rows = []
    for name, result in results.items():
        cells = [_escaped(name)]
        for metric in SHORT:
            low, high = (shown(metric, edge) for edge in result.intervals[metric])
            value = shown(metric, result.metrics[metric]).replace("–", "--")
            small = "" if low == "–" else rf" {{\scriptsize [{low}, {high}]}}"
            cells.append(value + small)
        rows.append(" & ".join(cells) + r" \\")
    note = _escaped("; ".join(about_lines(first.about)))
    return "\n".join(
        [
            f"% {note}",
            r"\begin{tabular}{l" + "r" * len(SHORT) + "}",
            r"\toprule",
            f"& {head} " + r"\\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
        ]
    )


def _escaped(text: str) -> str:
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(
        special.get(character, f"\\{character}" if character in "&%$#_{}" else character)
        for character in text
    )
