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
        self._entries: dict[str, Index] = {}
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
        self._entries[part] = Index(read_resource(WORDNET, f"index.{name}", self._folder))
        rows = read_resource(WORDNET, f"{name}.exc", self._folder).decode("ascii").splitlines()
        pairs = (row.split() for row in rows)
        self._exceptions[part] = {first: rest for first, *rest in pairs}


class Index:
    """The words of one WordNet index, searched in the file's own bytes.

    The lines of an index are in byte order, so that they can be searched by halves (WordNet
    manual, wndb(5)); a set of 117,000 nouns would take 20 MB and a twentieth of a second more.

    Parameters
    ----------
    content : bytes
        One line a word, the word up to the first blank; lines of the licence start with a blank.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content if content.endswith(b"\n") else content + b"\n"

    def __contains__(self, word: str) -> bool:
        """Whether `word` is an entry."""
        content, wanted = self._content, word.encode("utf-8", "replace")
        if not wanted or b" " in wanted or b"\n" in wanted:
            return False
        low, high = 0, len(content)  # line starts between which the word's line must be
        while low < high:
            start = content.rfind(b"\n", low, (low + high) // 2) + 1 or low
            end = content.index(b"\n", start)
            entry = content[start:end].split(b" ", 1)[0]
            if entry == wanted:
                return True
            if entry < wanted:
                low = end + 1
            else:
                high = start
        return False


def _shortened(forms: list[str], part: str) -> list[str]:
    return [
        form[: -len(ending)] + other
        for form in forms
        for ending, other in ENDINGS[part]
        if form.endswith(ending)
    ]
