"""Base forms from WordNet's own files: the lemmatiser of the *wordnet* dialect.

Restates what ``WordNetLemmatizer`` of NLTK 3.8.1 does: WordNet's exception lists, else its endings,
applied again until something is an entry, and of the candidates the shortest. NLTK 3.10 applies
the endings only once; no object changes by that, only odd words ("focussing").
"""

from pathlib import Path

from chair_eval.nltk_data import WORDNET, read_resource

FILES = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
ENDINGS: dict[str, tuple[tuple[str, str], ...]] = {
    "n": (
        ("s", ""),
        ("ses", "s"),
        ("ves", "f"),
        ("xes", "x"),
        ("zes", "z"),
        ("ches", "ch"),
        ("shes", "sh"),
        ("men", "man"),
        ("ies", "y"),
    ),
    "v": (
        ("s", ""),
        ("ies", "y"),
        ("es", "e"),
        ("es", ""),
        ("ed", "e"),
        ("ed", ""),
        ("ing", "e"),
        ("ing", ""),
    ),
    "a": (("er", ""), ("est", ""), ("er", "e"), ("est", "e")),
    "r": (),
}


class Lemmatizer:
    """WordNet's entries and exceptions of one part of speech each, read when first needed.

    Parameters
    ----------
    nltk_data : path, optional
        Folder looked at first; see `chair_eval.nltk_data.search_path`.
    """

    def __init__(self, nltk_data: str | Path | None = None) -> None:
        self._folder = nltk_data
        self._entries: dict[str, frozenset[str]] = {}
        self._exceptions: dict[str, dict[str, list[str]]] = {}
        self._memo: dict[tuple[str, str], str] = {}

    def lemma(self, token: str, part: str) -> str:
        """Shortest base form of `token` as part of speech n, v, a or r; itself if unknown."""
        key = (token, part)
        if key not in self._memo:
            candidates = self._candidates(token, part)
            self._memo[key] = min(candidates, key=len) if candidates else token
        return self._memo[key]

    def _candidates(self, token: str, part: str) -> list[str]:
        self._load(part)
        entries = self._entries[part]
        exceptions = self._exceptions[part]
        if token in exceptions:
            return [form for form in [token, *exceptions[token]] if form in entries]
        forms = [token]
        known = [form for form in [token, *_shortened(forms, part)] if form in entries]
        while forms and not known:
            forms = _shortened(forms, part)
            known = [form for form in forms if form in entries]
        return known

    def _load(self, part: str) -> None:
        if part in self._entries:
            return
        name = FILES[part]
        index = read_resource(WORDNET, f"index.{name}", self._folder).decode("ascii")
        self._entries[part] = frozenset(
            line.split(" ", 1)[0] for line in index.split("\n") if line and line[0] != " "
        )
        rows = read_resource(WORDNET, f"{name}.exc", self._folder).decode("ascii").splitlines()
        pairs = (row.split() for row in rows)
        self._exceptions[part] = {first: rest for first, *rest in pairs}


def _shortened(forms: list[str], part: str) -> list[str]:
    return [
        form[: -len(ending)] + other
        for form in forms
        for ending, other in ENDINGS[part]
        if form.endswith(ending)
    ]
