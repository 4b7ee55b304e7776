"""What a verdict hangs on: single methods, the margins, and the number of images."""

from typing import Any

import numpy as np

from analysis.catalogue import base_name, look
from analysis.figures.claims import comparison
from analysis.figures.inputs import Inputs
from analysis.figures.study import roles, study
from analysis.figures.wording import number
from analysis.stats.claims import Judgement, judged
from analysis.stats.estimate import records
from analysis.stats.margins import Margins, declared
from analysis.stats.verdicts import AGAINST, EQUIVALENT, FOR, NO_DATA, OPEN, PARTLY, point

_FACTORS = {0.5: "half as large", 2.0: "twice as large"}


def methods_of(inputs: Inputs, key: str) -> list[str]:
    """Return the names of the methods that a claim's decisive tests compare, in order."""
    held = roles(inputs)
    names = [name for role in _roles(key) for name in held[role] if name]
    bases = [_steered(name) for name in names]
    return list(dict.fromkeys(bases))


def _roles(key: str) -> list[str]:
    """Return the roles that a claim's decisive tests read."""
    found: list[str] = []
    for test in declared()["claims"][key]["decisive"]:
        found += ["budget"] if "associate" in test else [test["first"], test["second"]]
    return list(dict.fromkeys(found))


def _steered(variant: str) -> str:
    """Return the method behind a variant: for a steered one the method that is steered."""
    if base_name(variant) != "steered":
        return base_name(variant)
    given = variant.partition("@")[0].split(":")[1:]
    named = [part.removeprefix("method=") for part in given if part.startswith("method=")]
    return named[0] if named else "mixture"


def leave_one_out(inputs: Inputs, key: str, judgement: Judgement, margins: Margins) -> str:
    """Say what becomes of a verdict when the run had never held one of its methods."""
    names = methods_of(inputs, key)
    if judgement.verdict == NO_DATA or len(names) < 2:
        return ""
    others: dict[str, list[str]] = {}
    for name in names:
        found = judged(key, study(inputs, margins, name), context=False)
        if found.verdict != judgement.verdict:
            others.setdefault(_said(found), []).append(look(name).label)
    start = f"Leaving out one of its {len(names)} methods at a time"
    if not others:
        return f"{start}, the verdict stays as it is."
    lost = others.pop(NO_DATA, [])
    parts = [f"it becomes {text} without {_either(labels)}" for text, labels in others.items()]
    parts += [f"the claim cannot be judged without {_either(lost)}"] if lost else []
    rest = len(names) - len(lost) - sum(map(len, others.values()))
    parts += [f"it stays as it is for the other {rest}"] if rest else []
    return f"{start}: {'; '.join(parts)}."


def _said(judgement: Judgement) -> str:
    """Return a verdict in few words: how many tests only where it is partly so."""
    return judgement.text if judgement.verdict == PARTLY else judgement.verdict


def _either(labels: list[str]) -> str:
    """Return ``a``, ``a or b``, ``a, b or c``."""
    return " or ".join([", ".join(labels[:-1]), labels[-1]] if len(labels) > 1 else labels)


def would_change(inputs: Inputs, key: str, judgement: Judgement, margins: Margins) -> list[str]:
    """Say what would change a verdict: other margins, more images, the test that is closest."""
    decisive = records(judgement.frame[judgement.frame["decisive"]])
    if judgement.verdict == NO_DATA:
        return ["The data that are missing."]
    said = [_other_margins(inputs, key, judgement, margins)] if _margined(decisive) else []
    return [*said, *_closest(decisive), *_needed(decisive)]


def _margined(rows: list[dict[str, Any]]) -> bool:
    return any(row["margin"] > 0 for row in rows)


def _other_margins(inputs: Inputs, key: str, judgement: Judgement, margins: Margins) -> str:
    """Say the verdict with margins half and twice as large."""
    found = []
    for factor, words in _FACTORS.items():
        values = {name: factor * value for name, value in margins.values.items()}
        other = judged(key, study(inputs, Margins(values, margins.units)), context=False)
        found.append((words, _said(other)))
    if all(text == _said(judgement) for _, text in found):
        return f"Margins {' or '.join(words for words, _ in found)} leave the verdict as it is."
    return "With margins " + ", ".join(f"{words} it is {text}" for words, text in found) + "."


def _closest(rows: list[dict[str, Any]]) -> list[str]:
    """Name the settled test whose estimate lies nearest to where it would be none."""
    away = {}
    for place, row in enumerate(rows):
        if row["outcome"] in (FOR, AGAINST, EQUIVALENT) and row["se"] > 0:
            edges = [point(row)]
            if row["outcome"] == EQUIVALENT:
                edges = [-row["margin"], row["margin"]]
            away[place] = min(abs(row["estimate"] - edge) for edge in edges) / row["se"]
    if not away:
        return []
    place = min(away, key=lambda each: away[each])
    row = rows[place]
    edge = "the margin" if row["outcome"] == EQUIVALENT or point(row) else "0"
    return [
        f"Of the settled tests the closest to another outcome is {comparison(row)} "
        f"({row['outcome']}): its estimate is {number(away[place], 1)} standard errors from {edge}."
    ]


def _needed(rows: list[dict[str, Any]]) -> list[str]:
    """Say how many images would find an effect of the margin where tests are open."""
    said: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["outcome"] == OPEN and row["margin"] > 0 and np.isfinite(row["detectable"]):
            said.setdefault(str(row["measure"]), []).append(row)
    sentences = []
    for measure, group in said.items():
        most = max(group, key=lambda row: row["n"] * row["detectable"] ** 2)
        images = int(np.ceil(most["n"] * (most["detectable"] / most["margin"]) ** 2))
        count = f"{len(group)} open test{'s' if len(group) > 1 else ''}"
        if images <= most["n"]:
            sentences.append(
                f"{count} in {measure}: {most['n']:,} images are enough to find an effect of the "
                "margin with power 0.8; more would only place the estimate."
            )
        else:
            sentences.append(
                f"{count} in {measure}: an effect of the margin needs about {_round(images):,} "
                f"images with power 0.8 ({most['n']:,} here)."
            )
    return sentences


def _round(count: int) -> int:
    """Return a count to two significant digits."""
    unit = 10 ** max(0, len(str(count)) - 2)
    return -(-count // unit) * unit
