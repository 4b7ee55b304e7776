"""Finding object mentions in captions, in one of the two dialects of the metric."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Protocol, cast

from chair_eval.chunks import chunk_tokens, plain, touches_line_end
from chair_eval.errors import UsageError
from chair_eval.mentions import Matches, MentionFinder
from chair_eval.singular import singularize
from chair_eval.tokens import tokenize
from chair_eval.vocabulary import Vocabulary

DIALECTS = ("pattern", "wordnet")
BATCH = 512
MEMO = 200_000


class Finder(Protocol):
    """What a dialect provides: matches for a batch of lower-cased captions."""

    def find(self, texts: list[str]) -> list[Matches]:
        """Return the matches of each text, spans counted in the lower-cased text."""
        ...


class Matcher:
    """Turns captions into mentions.

    Parameters
    ----------
    vocabulary : Vocabulary, optional
        Default: the metric's own (`Vocabulary.coco`).
    dialect : {"pattern", "wordnet"}
        How words are brought to their base form. ``pattern`` needs nothing; ``wordnet`` needs
        NLTK's tagger and WordNet data (``chair-eval setup``).
    nltk_data : path, optional
        Folder with NLTK data, looked at first; else ``NLTK_DATA`` and NLTK's usual places.

    Raises
    ------
    UsageError
        Unknown `dialect`.
    ChairError
        ``wordnet`` without its data; the message says how to get it.
    """

    def __init__(
        self,
        vocabulary: Vocabulary | None = None,
        dialect: str = "pattern",
        nltk_data: str | Path | None = None,
    ) -> None:
        if dialect not in DIALECTS:
            raise UsageError(f"dialect is {dialect!r}; allowed: {', '.join(DIALECTS)}")
        self.vocabulary = vocabulary or Vocabulary.coco()
        self.dialect = dialect
        self._finder: Finder
        if dialect == "pattern":
            self._finder = PatternFinder(self.vocabulary)
        else:
            from chair_eval.wordnet import WordnetFinder

            self._finder = WordnetFinder(self.vocabulary, nltk_data)

    def match(self, caption: str) -> Matches:
        """Mentions of one caption; an empty caption has none."""
        return next(self.match_many([caption]))

    def match_many(self, captions: Iterable[str]) -> Iterator[Matches]:
        """Mentions of each caption in turn; captions are read in batches, not all at once."""
        source = iter(captions)
        while batch := list(islice(source, BATCH)):
            lowered = [caption.lower() for caption in batch]
            for caption, low, found in zip(batch, lowered, self._finder.find(lowered), strict=True):
                yield found if len(low) == len(caption) else _in_original(found, caption)


def _in_original(found: Matches, caption: str) -> Matches:
    """Move spans to a caption that is shorter than its lower-cased form ("İ" becomes two)."""
    places: list[int] = []
    for number, character in enumerate(caption):
        places += [number] * len(character.lower())
    spans = [(places[start], places[end - 1] + 1) for start, end in found.spans]
    return found._replace(spans=spans)


class PatternFinder:
    """The *pattern* dialect: every token's singular, by closed tables."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._finder = MentionFinder(vocabulary, singularize)
        self._chunks = ChunkMemo(self)

    def find(self, texts: list[str]) -> list[Matches]:
        """See `Finder.find`."""
        return [self._find(text) for text in texts]

    def relevant(self, token: str) -> str | None:
        """Form of `token` that can take part in a match, or None."""
        if self._vocabulary.surface_first:
            token = self._vocabulary.forms.get(token, token)
        return self._finder.form(token, singularize(token))

    def _find(self, text: str) -> Matches:
        if not plain(text):
            return self._slowly(text)
        chunks = text.replace("\n", " ").split(" ")
        entries = list(map(self._chunks.__getitem__, chunks))
        if None in entries or touches_line_end(text, chunks):
            return self._slowly(text)
        found: list[tuple[int, str, int, int]] = []
        count = place = 0
        known = cast("list[ChunkEntry]", entries)
        for chunk, (length, parts) in zip(chunks, known, strict=True):
            for offset, word, start, end in parts:
                found.append((count + offset, word, place + start, place + end))
            count += length
            place += len(chunk) + 1
        return self._finder.find(found, count)

    def _slowly(self, text: str) -> Matches:
        tokens = tokenize(text)
        found = [
            (index, word, token.start, token.end)
            for index, token in enumerate(tokens)
            if (word := self.relevant(token.text)) is not None
        ]
        return self._finder.find(found, len(tokens))


ChunkEntry = tuple[int, tuple[tuple[int, str, int, int], ...]]


class ChunkMemo(dict[str, ChunkEntry | None]):
    """Chunk to (number of tokens, its relevant tokens), filled as chunks are met."""

    def __init__(self, finder: PatternFinder) -> None:
        super().__init__()
        self._finder = finder

    def __missing__(self, chunk: str) -> ChunkEntry | None:
        if len(self) >= MEMO:
            self.clear()
        tokens = chunk_tokens(chunk)
        entry: ChunkEntry | None = None
        if tokens is not None:
            parts = tuple(
                (offset, word, token.start, token.end)
                for offset, token in enumerate(tokens)
                if (word := self._finder.relevant(token.text)) is not None
            )
            entry = (len(tokens), parts)
        self[chunk] = entry
        return entry
