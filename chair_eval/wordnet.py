"""The *wordnet* dialect: part-of-speech tag, then WordNet base form, for a batch of captions."""

from bisect import bisect_right
from functools import partial
from itertools import accumulate, chain
from pathlib import Path
from typing import NamedTuple

from chair_eval.chunks import chunk_tokens, plain, touches_line_end
from chair_eval.lemmas import Lemmatizer
from chair_eval.mentions import Matches, MentionFinder
from chair_eval.tagging import Tagger
from chair_eval.tokens import Token, tokenize
from chair_eval.vocabulary import Vocabulary

MEMO = 200_000


class TokenMemo(dict[str, tuple[Token, ...] | None]):
    """Chunk to its tokens, or None where they depend on the context."""

    def __missing__(self, chunk: str) -> tuple[Token, ...] | None:
        if len(self) >= MEMO:
            self.clear()
        self[chunk] = tokens = chunk_tokens(chunk)
        return tokens


class Tokens(NamedTuple):
    """Words of a caption and the means to find their places.

    `entries` are the tokens of each chunk, spans counted from the chunk's start.
    """

    words: list[str]
    chunks: list[str]
    entries: list[tuple[Token, ...]]

    def spans(self, indices: list[int]) -> list[tuple[int, int]]:
        """Character spans of the tokens with these (rising) indices."""
        ends = list(accumulate(map(len, self.entries)))
        places = list(accumulate((len(chunk) + 1 for chunk in self.chunks), initial=0))
        spans = []
        for index in indices:
            number = bisect_right(ends, index)
            token = self.entries[number][index - ends[number]]
            spans.append((places[number] + token.start, places[number] + token.end))
        return spans


class WordnetFinder:
    """See the module's docstring; `vocabulary` and `nltk_data` as for `Matcher`."""

    def __init__(self, vocabulary: Vocabulary, nltk_data: str | Path | None = None) -> None:
        self._vocabulary = vocabulary
        self._tagger = Tagger(nltk_data)
        self._lemmas = Lemmatizer(nltk_data)
        self._finder = MentionFinder(vocabulary, partial(self._lemmas.lemma, part="n"))
        self._chunks = TokenMemo()
        self._normal: dict[tuple[str, str], str | None] = {}

    def find(self, texts: list[str]) -> list[Matches]:
        """Return matches of each lower-cased text, spans counted in it."""
        captions = [self._tokens(text) for text in texts]
        tags = self._tagger.columns([caption.words for caption in captions])
        parts = self._tagger.parts
        return [
            self._matches(caption, parts[columns].tolist())
            for caption, columns in zip(captions, tags, strict=True)
        ]

    def _tokens(self, text: str) -> Tokens:
        if plain(text):
            chunks = text.replace("\n", " ").split(" ")
            entries = list(map(self._chunks.__getitem__, chunks))
            if None not in entries and not touches_line_end(text, chunks):
                known = [entry for entry in entries if entry is not None]
                words = [token.text for token in chain.from_iterable(known)]
                return Tokens(words, chunks, known)
        tokens = tuple(tokenize(text))
        return Tokens([token.text for token in tokens], [text], [tokens])

    def _matches(self, caption: Tokens, parts: list[str]) -> Matches:
        normal = self._normal
        indices, words = [], []
        for index, key in enumerate(zip(caption.words, parts, strict=True)):
            word = normal[key] if key in normal else self._relevant(key)
            if word is not None:
                indices.append(index)
                words.append(word)
        spans = caption.spans(indices)
        found = [
            (index, word, start, end)
            for index, word, (start, end) in zip(indices, words, spans, strict=True)
        ]
        return self._finder.find(found, len(caption.words))

    def _relevant(self, key: tuple[str, str]) -> str | None:
        """Return the base form of (token, part of speech) if it can be part of a match."""
        if len(self._normal) >= MEMO:
            self._normal.clear()
        token, part = key
        if self._vocabulary.surface_first:
            token = self._vocabulary.forms.get(token, token)
        word = self._finder.form(token, self._lemmas.lemma(token, part))
        self._normal[key] = word
        return word
