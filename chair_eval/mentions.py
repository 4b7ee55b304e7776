"""From normalised tokens to mentions: phrases, the toilet rule, the vocabulary."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product
from typing import NamedTuple, TypeVar

from chair_eval.vocabulary import Vocabulary


class Matches(NamedTuple):
    """What one caption mentions, in order, repeats included; the lists are parallel.

    Attributes
    ----------
    words : list of str
        The matched vocabulary words ("bicycle", "dining table").
    categories : list of str
        The category of each.
    indices : list of int
        Position of its first token in the caption's tokens, before words are merged, from 0.
    spans : list of (int, int)
        Start and end character in the caption as given.
    n_tokens : int
        Tokens of the caption, a merged phrase counting once, punctuation included.
    """

    words: list[str]
    categories: list[str]
    indices: list[int]
    spans: list[tuple[int, int]]
    n_tokens: int


# A token that may matter: its index, its normalised word, start and end of its span.
Normal = tuple[int, str, int, int]


class MentionFinder:
    """Finds the mentions among normalised tokens; one per vocabulary and dialect.

    Parameters
    ----------
    vocabulary : Vocabulary
    normal : callable
        The dialect's base form of a word, taken as a noun.
    """

    def __init__(self, vocabulary: Vocabulary, normal: Callable[[str], str]) -> None:
        self.lookup = vocabulary.lookup
        self.relevant = frozenset(self.lookup) | vocabulary.pieces
        self._vocabulary = vocabulary
        self.starts: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for pieces, target in self._spellings(normal):
            self.starts.setdefault(pieces[0], []).append((pieces, target))
        for options in self.starts.values():
            options.sort(key=lambda option: -len(option[0]))

    def form(self, token: str, normal: str) -> str | None:
        """Form in which a token takes part in matches, None if it takes none.

        The metric knows the normalised word alone. A vocabulary of your own is matched as it is
        written first, words before parts of phrases, so that "hot dogs" in it costs no "dogs".
        """
        if not self._vocabulary.surface_first:
            return normal if normal in self.relevant else None
        forms = (token, normal)
        for known in (self.lookup, self.relevant):
            for form in forms:
                if form in known:
                    return form
        return None

    def _spellings(self, normal: Callable[[str], str]) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield every phrase as its pieces, in each form that its tokens can take."""
        phrases = [(tuple(phrase.split()), to) for phrase, to in self._vocabulary.phrases.items()]
        yield from phrases
        if not self._vocabulary.surface_first:
            return
        same: dict[str, set[str]] = {}
        for word in self.lookup:
            same.setdefault(normal(word), set()).add(word)
        written = {pieces for pieces, _ in phrases}
        for pieces, target in phrases:
            forms = [
                {piece, self.form(piece, normal(piece)) or piece} | same.get(piece, set())
                for piece in pieces
            ]
            for other in sorted(set(product(*forms)) - written):
                yield other, target

    def find(self, tokens: Sequence[Normal], n_tokens: int) -> Matches:
        """Merge phrases greedily from the left, then keep the words of the vocabulary.

        Parameters
        ----------
        tokens : sequence of (int, str, int, int)
            The relevant tokens in order.
        n_tokens : int
            All tokens of the caption, relevant or not.
        """
        words: list[str] = []
        indices: list[int] = []
        spans: list[tuple[int, int]] = []
        lookup, starts, at, last = self.lookup, self.starts, 0, len(tokens)
        while at < last:
            index, word, start, end = tokens[at]
            at += 1
            if word in starts:
                length, word = self._phrase(tokens, at - 1)
                if length > 1:
                    at += length - 1
                    n_tokens -= length - 1
                    end = tokens[at - 1][3]
            if word in lookup:
                words.append(word)
                indices.append(index)
                spans.append((start, end))
        if "toilet" in words and "seat" in words:
            kept = [i for i, word in enumerate(words) if word != "seat"]
            words, indices = _pick(words, kept), _pick(indices, kept)
            spans = _pick(spans, kept)
        return Matches(words, [lookup[word] for word in words], indices, spans, n_tokens)

    def _phrase(self, tokens: Sequence[Normal], at: int) -> tuple[int, str]:
        """Length of the phrase that starts at token `at`, and the word it stands for."""
        first, word = tokens[at][0], tokens[at][1]
        for pieces, target in self.starts[word]:
            following = tokens[at : at + len(pieces)]
            if len(following) == len(pieces) and all(
                token[0] == first + offset and token[1] == piece
                for offset, (token, piece) in enumerate(zip(following, pieces, strict=True))
            ):
                return len(pieces), target
        return 1, word


T = TypeVar("T")


def _pick(items: Sequence[T], kept: Iterable[int]) -> list[T]:
    return [items[i] for i in kept]
