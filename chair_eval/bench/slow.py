"""The cost drivers of the published scripts, restated, to be raced against.

What makes them slow: the vocabulary's set is built anew for every token, twice; the singulariser
walks its word lists and its 40 endings one by one for every token; captions are tokenised by the
full rules; the *wordnet* script calls NLTK's tagger and lemmatiser caption by caption. Answers
are the same as ours, and the benchmark checks that.
"""

from collections.abc import Callable, Sequence

from chair_eval.singular import SingularRules
from chair_eval.tokens import tokenize
from chair_eval.vocabulary import Vocabulary


class SlowSingular:
    """The singulariser with linear scans and no memory of words seen."""

    def __init__(self) -> None:
        self._rules = SingularRules()

    def __call__(self, token: str) -> str:
        """Singular of `token`."""
        rules = self._rules
        if "-" in token or token.endswith("'"):
            return rules.singular(token)
        for word in rules.words:
            if word.endswith(token):
                return token
        for word in rules.ie:
            if token.endswith(word):
                return token
        for plural, single in rules.irregular:
            if token.endswith(plural):
                return token[: -len(plural)] + single
        for ending, replacement in rules.endings:
            found = ending.search(token)
            if found:
                return token[: found.end("before")] + replacement + token[found.end() :]
        return token


Normalise = Callable[[list[str]], list[str]]


def slow_mentions(
    captions: Sequence[str], vocabulary: Vocabulary, normalise: Normalise
) -> list[list[str]]:
    """Categories mentioned in each caption, found the slow way."""
    words = [word for group in vocabulary.categories.values() for word in group]
    found = []
    for caption in captions:
        tokens = normalise([token.text for token in tokenize(caption.lower())])
        merged, at = [], 0
        while at < len(tokens):
            pair = " ".join(tokens[at : at + 2])
            if pair in vocabulary.phrases:
                merged.append(vocabulary.phrases[pair])
                at += 2
            else:
                merged.append(tokens[at])
                at += 1
        if "toilet" in merged and "seat" in merged:
            merged = [word for word in merged if word != "seat"]
        places = [at for at, word in enumerate(merged) if word in set(words)]
        matched = [word for word in merged if word in set(words)]
        found.append([vocabulary.lookup[word] for word in matched[: len(places)]])
    return found


def pattern_normaliser() -> Normalise:
    """Token by token through `SlowSingular`."""
    singular = SlowSingular()
    return lambda tokens: [singular(token) for token in tokens]


def wordnet_normaliser() -> Normalise | None:
    """NLTK's own tagger and lemmatiser, or None if NLTK or its data is not there."""
    try:
        from nltk import pos_tag
        from nltk.stem import WordNetLemmatizer

        lemmatizer = WordNetLemmatizer()
        parts = {"J": "a", "V": "v", "N": "n", "R": "r"}

        def normalise(tokens: list[str]) -> list[str]:
            return [
                lemmatizer.lemmatize(token, parts.get(tag[0], "n"))
                for token, tag in pos_tag(tokens)
            ]

        normalise(["dogs"])
    except (ImportError, LookupError):
        return None
    return normalise
