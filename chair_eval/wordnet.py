"""The *wordnet* dialect: NLTK's part-of-speech tag, then WordNet's base form.

A caption is tagged from left to right, and a tag rests on the words two places around it and on
the two tags before it. Few tokens of a caption have a base form that depends on their part of
speech ("seated", "ties"), and most words have one tag only, so just the window that decides is
tagged: from two words of one tag each to two words after the token.
"""

import io
import json
import warnings
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from nltk.corpus.reader.wordnet import WordNetCorpusReader
from nltk.data import PathPointer
from nltk.tag.perceptron import PerceptronTagger

from chair_eval.errors import ChairError
from chair_eval.nltk_data import NEEDED, TAGGER, WORDNET, read_resource

PARTS = {"J": "a", "V": "v", "N": "n", "R": "r"}
MEMO = 200_000
Folder = str | Path | None


class Wordnet:
    """Base forms as `chair_eval.matcher.Dialect` has them.

    Parameters
    ----------
    nltk_data : path, optional
        Folder looked at first; see `chair_eval.nltk_data.search_path`.

    Raises
    ------
    ChairError
        A file of the tagger or of WordNet is missing or damaged.
    """

    parts: tuple[str, ...] = ("n", "v", "a", "r")

    def __init__(self, nltk_data: Folder = None) -> None:
        self._tagger = read_tagger(nltk_data)
        self._wordnet = _Entries(nltk_data)
        self._tags = lru_cache(MEMO)(self._tagger.tag)

    def base(self, token: str, part: str) -> str:
        """Shortest base form of `token` as part of speech n, v, a or r; itself if unknown."""
        return min(self._wordnet._morphy(token, part), key=len, default=token)

    def part(self, words: Sequence[str], index: int) -> str:
        """Part of speech of the token at `index` of a caption's tokens."""
        known = self._tagger.tagdict
        first = index
        while first and not all(word in known for word in words[max(first - 2, 0) : first]):
            first -= 1
        start = max(first - 2, 0)
        _, tag = self._tags(tuple(words[start : index + 3]))[index - start]
        return PARTS.get(tag[0], "n")


def read_tagger(nltk_data: Folder = None) -> PerceptronTagger:
    """Return NLTK's tagger with its English weights; arguments and errors as `Wordnet`."""
    tagger = PerceptronTagger(load=False)
    classes, tagger.tagdict, tagger.model.weights = (
        _table(file_name, nltk_data) for file_name in NEEDED[TAGGER]
    )
    tagger.classes = tagger.model.classes = set(classes)
    return tagger


def _table(file_name: str, nltk_data: Folder) -> Any:
    try:
        return json.loads(read_resource(TAGGER, file_name, nltk_data))
    except ValueError as error:
        raise ChairError(
            f"NLTK's {file_name} is damaged ({error}); run: chair-eval setup"
        ) from error


class _Elsewhere(PathPointer):  # type: ignore[misc]
    """The root of a reader that opens its files itself."""

    def join(self, fileid: str) -> PathPointer:  # noqa: ARG002
        """Return the same."""
        return self

    open = file_size = join


class _Entries(WordNetCorpusReader):  # type: ignore[misc]
    """WordNet's words and exceptions; what tells of senses is left empty."""

    def __init__(self, nltk_data: Folder) -> None:
        self._folder = nltk_data
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of other languages' wordnets
            super().__init__(_Elsewhere(), None)

    def open(self, file: str) -> io.StringIO:
        """Return the text of one of WordNet's files, from wherever the data lie."""
        if file not in NEEDED[WORDNET]:
            return io.StringIO()
        content = read_resource(WORDNET, file, self._folder)
        return io.StringIO(content.decode("utf-8", "replace"))

    def map_wn(self, version: str = "wordnet") -> None:
        """Map no senses to those of another version."""
