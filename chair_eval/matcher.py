"""Finding object mentions in captions, in one of the two dialects of the metric."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Protocol, cast

from chair_eval.chunks import chunk_tokens, plain, touches_line_end
from chair_eval.errors import ChairError, UsageError
from chair_eval.mentions import Matches, MentionFinder, Normal
from chair_eval.singular import singularize
from chair_eval.tokens import Token, tokenize
from chair_eval.vocabulary import Vocabulary

DIALECTS = ("pattern", "wordnet")
MEMO = 200_000


class Dialect(Protocol):
    """How a token is brought to its base form."""

    parts: tuple[str, ...]

    def base(self, token: str, part: str) -> str:
        """Return the base form of `token` as the part of speech `part`, one of `parts`."""
        ...

    def part(self, words: Sequence[str], index: int) -> str:
        """Return the part of speech of the token at `index` among a caption's tokens."""
        ...


class Pattern:
    """Every token's singular, by closed tables."""

    parts: tuple[str, ...] = ("n",)

    def base(self, token: str, part: str) -> str:  # noqa: ARG002
        """See `Dialect.base`."""
        return singularize(token)

    def part(self, words: Sequence[str], index: int) -> str:  # noqa: ARG002
        """See `Dialect.part`."""
        return "n"


def dialect_of(name: str, nltk_data: str | Path | None = None) -> Dialect:
    """Return a dialect by its name; arguments and errors as `Matcher`."""
    if name not in DIALECTS:
        raise UsageError(f"dialect is {name!r}; allowed: {', '.join(DIALECTS)}")
    if name == "pattern":
        return Pattern()
    try:
        from chair_eval.wordnet import Wordnet
    except ImportError as error:
        raise ChairError(
            "the wordnet dialect needs NLTK: pip install nltk; or use the pattern dialect "
            "(--preset rohrbach2018), which needs nothing"
        ) from error
    return Wordnet(nltk_data)


# Form by part of speech, or the form itself where it is the same for all.
Forms = str | dict[str, str | None]
# A token that may matter: its place, its forms, start and end of its span.
Relevant = tuple[int, Forms, int, int]
# Tokens of a piece of text, and those of them that can take part in a match.
Chunk = tuple[tuple[str, ...], tuple[Relevant, ...]]


class Matcher:
    """Turns captions into mentions.

    Parameters
    ----------
    vocabulary : Vocabulary, optional
        Default: the metric's own (`Vocabulary.coco`).
    dialect : {"pattern", "wordnet"}
        How words are brought to their base form. ``pattern`` needs nothing; ``wordnet`` needs
        NLTK, its tagger and its WordNet data (``chair-eval setup``).
    nltk_data : path, optional
        Folder with NLTK data, looked at first; else ``NLTK_DATA`` and NLTK's usual places.

    Raises
    ------
    UsageError
        Unknown `dialect`.
    ChairError
        ``wordnet`` without NLTK or its data; the message says how to get it.
    """

    def __init__(
        self,
        vocabulary: Vocabulary | None = None,
        dialect: str = "pattern",
        nltk_data: str | Path | None = None,
    ) -> None:
        self.vocabulary = vocabulary or Vocabulary.coco()
        self.dialect = dialect
        self._rules = dialect_of(dialect, nltk_data)
        self._finder = MentionFinder(self.vocabulary, partial(self._rules.base, part="n"))
        self._forms = lru_cache(MEMO)(self._find_forms)
        self._chunk = lru_cache(MEMO)(self._surely)

    def match(self, caption: str) -> Matches:
        """Mentions of one caption; an empty caption has none."""
        lowered = caption.lower()
        found = self._find(lowered)
        return found if len(lowered) == len(caption) else _in_original(found, caption)

    def match_many(self, captions: Iterable[str]) -> Iterator[Matches]:
        """Mentions of each caption in turn, which are read one at a time."""
        return map(self.match, captions)

    def _find(self, text: str) -> Matches:
        pieces = text.replace("\n", " ").split(" ")
        chunks: list[Chunk | None] = [None]
        if plain(text):
            chunks = list(map(self._chunk, pieces))
        if None in chunks or touches_line_end(text, pieces):
            pieces, chunks = [text], [self._of(tokenize(text))]
        known = cast("list[Chunk]", chunks)
        found: list[Relevant] = []
        count = place = 0
        for piece, (texts, relevant) in zip(pieces, known, strict=True):
            for offset, forms, start, end in relevant:
                found.append((count + offset, forms, place + start, place + end))
            count += len(texts)
            place += len(piece) + 1
        if len(self._rules.parts) > 1:
            return self._finder.find(self._decided(found, known), count)
        return self._finder.find(cast("list[Normal]", found), count)

    def _decided(self, found: list[Relevant], chunks: list[Chunk]) -> list[Normal]:
        """Return the tokens in the form that their part of speech gives them."""
        words = [text for texts, _ in chunks for text in texts]
        decided: list[Normal] = []
        for index, forms, start, end in found:
            form = forms if isinstance(forms, str) else forms[self._rules.part(words, index)]
            if form is not None:
                decided.append((index, form, start, end))
        return decided

    def _surely(self, piece: str) -> Chunk | None:
        """Return the chunk of a piece between blanks; None if its tokens depend on the context."""
        tokens = chunk_tokens(piece)
        return None if tokens is None else self._of(tokens)

    def _of(self, tokens: Sequence[Token]) -> Chunk:
        relevant = [
            (place, forms, token.start, token.end)
            for place, token in enumerate(tokens)
            if (forms := self._forms(token.text)) is not None
        ]
        return tuple(token.text for token in tokens), tuple(relevant)

    def _find_forms(self, token: str) -> Forms | None:
        """Forms of `token` that can take part in a match, by part of speech; None if none can."""
        if self.vocabulary.surface_first:
            token = self.vocabulary.forms.get(token, token)
        base, form = self._rules.base, self._finder.form
        forms = {part: form(token, base(token, part)) for part in self._rules.parts}
        return forms if len(set(forms.values())) > 1 else forms["n"]


def _in_original(found: Matches, caption: str) -> Matches:
    """Move spans to a caption that is shorter than its lower-cased form ("İ" becomes two)."""
    places: list[int] = []
    for number, character in enumerate(caption):
        places += [number] * len(character.lower())
    spans = [(places[start], places[end - 1] + 1) for start, end in found.spans]
    return found._replace(spans=spans)
