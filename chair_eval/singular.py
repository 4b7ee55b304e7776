"""Singular forms as the 2018 metric makes them: the *pattern* dialect's normaliser.

The lists and endings are the facts of CLiPS pattern's English rules (BSD-3-Clause, after Bermi
Ferrer's Inflector, MIT-style notice) and live in ``data/singular.json``; the code is our own.
Many results are not English ("bus" → "bu", "your" → "ymy"): the metric's numbers depend on them.
"""

import json
import re
from functools import lru_cache

from chair_eval.facts import read_fact

# Last letters of all endings but "^oxen"; other plain words are singular already.
LAST = "aeisx"


class SingularRules:
    """The closed tables, compiled once.

    The first test of the original is reversed (it asks whether a listed word *ends with the
    token*), so every ending of an unchanged word is itself unchanged: "ears", "ies", "s", "".
    """

    def __init__(self) -> None:
        table = json.loads(read_fact("singular.json"))
        self.prepositions = frozenset(table["prepositions"].split())
        self.words = tuple(table["unchanged"].split())
        self.unchanged = frozenset(
            word[start:] for word in self.words for start in range(len(word) + 1)
        )
        self.ie = tuple(word + "s" for word in table["ie"].split())
        irregular = [pair.split(":") for pair in table["irregular"].split()]
        self.irregular = [(plural, single) for plural, single in irregular]
        self.plurals = tuple(plural for plural, _ in self.irregular)
        self.endings = [_compiled(*rule) for rule in table["endings"]]

    def singular(self, token: str) -> str:
        """Return the singular of a lower-cased `token`; never fails, any string is legal."""
        if "-" in token:
            first, second, *rest = token.split("-")
            if second in self.prepositions:
                return "-".join([self.singular(first), second, *rest])
        if token.endswith("'"):
            return self.singular(token[:-1]) + "'s"
        if token in self.unchanged or token.endswith(self.ie):
            return token
        if token.endswith(self.plurals):
            plural, single = next(pair for pair in self.irregular if token.endswith(pair[0]))
            return token[: -len(plural)] + single
        if token.isascii() and token[-1] not in LAST and not token.startswith("ox"):
            return token
        for ending, replacement in self.endings:
            found = ending.search(token)
            if found:
                kept = token[: found.end("before")]
                return kept + replacement + token[found.end() :]
        return token


def _compiled(
    before: str, ending: str, replacement: str, kind: str = ""
) -> tuple[re.Pattern[str], str]:
    close = "" if kind == "anywhere" else "$"
    flags = re.NOFLAG if kind == "exact" else re.IGNORECASE
    return re.compile(f"(?P<before>{before}){ending}{close}", flags), replacement


@lru_cache(maxsize=1)
def _rules() -> SingularRules:
    return SingularRules()


def singularize(token: str) -> str:
    """Singular of one lower-cased token as the *pattern* dialect has it ("men" → "man")."""
    return _rules().singular(token)
