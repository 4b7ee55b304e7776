"""Part-of-speech tags for many captions at once, from the weights of NLTK's perceptron tagger.

The *wordnet* dialect tags a caption from left to right with an averaged perceptron: each tag adds
up the weights of 14 features of the word, its neighbours and the two tags before it. The features
are NLTK's (Honnibal's tagger, MIT licence); here the captions of a batch advance in step and the
sums are rows of integer tables. The weights have three decimals, so thousandths are exact
integers; where two tags tie, the sum is redone in NLTK's order with its rounding.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chair_eval.weights import Weights, read_json

START = ("-START-", "-START2-")
END = ("-END-", "-END2-")
PARTS = {"J": "a", "V": "v", "N": "n", "R": "r"}
SLOTS = 5
WORDS_KEPT = 50_000


def normal_word(word: str) -> str:
    """How the tagger sees a word: years, numbers and hyphenated words are one word each."""
    if "-" in word and word[0] != "-":
        return "!HYPHEN"
    if word.isdigit() and len(word) == 4:
        return "!YEAR"
    if word and word[0].isdigit():
        return "!DIGITS"
    return word.lower()


class WordTable:
    """Scores that a word brings along by itself, one row per word met.

    ``rows[w, slot]`` are the summed weights (thousandths, one column per tag, last tag first) of
    word `w` standing at place i, i-1, i-2, i+1, i+2 for slots 0 to 4; ``fixed[w]`` is the column
    of its only tag or -1; ``after[w, t]`` points to the weights of `w` after tag `t`.
    """

    def __init__(self, weights: Weights, fixed: dict[str, str]) -> None:
        self._weights = weights
        self._fixed = fixed
        self.columns = weights.columns
        names = [*self.columns, *START]
        self._after = [(at, f"i-1 tag+i word {name} ") for at, name in enumerate(names)]
        self.clear()

    def clear(self) -> None:
        """Forget all words but the four that pad a caption."""
        self.ids: dict[str, int] = {}
        size, width = 1024, len(self.columns)
        self.rows = np.zeros((size, SLOTS, width), np.int32)
        self.fixed = np.full(size, -1, np.int32)
        self.after = np.zeros((size, width + 2), np.int32)
        self.after_rows = np.zeros((size, width), np.int32)
        self._n_after = 1
        for pad in START + END:
            self._add(pad, pad)

    def numbers(self, words: list[str]) -> list[int]:
        """Row numbers of `words`, adding those not met before."""
        ids = self.ids
        for word in set(words).difference(ids):
            self._add(word, normal_word(word))
        return [ids[word] for word in words]

    def _add(self, word: str, seen: str) -> None:
        number = len(self.ids)
        self.ids[word] = number
        if number >= len(self.rows):
            for name in ("rows", "fixed", "after"):
                setattr(self, name, _grown(getattr(self, name)))
        ending = seen[-3:]
        slots: tuple[list[str], ...] = (
            ["bias", f"i suffix {word[-3:]}", f"i pref1 {word[:1]}", f"i word {seen}"],
            [f"i-1 word {seen}", f"i-1 suffix {ending}"],
            [f"i-2 word {seen}"],
            [f"i+1 word {seen}", f"i+1 suffix {ending}"],
            [f"i+2 word {seen}"],
        )
        for slot, features in enumerate(slots):
            sums = [0] * len(self.columns)
            for feature in features:
                for column, weight in self._weights[feature]:
                    sums[column] += weight
            self.rows[number, slot] = sums
        only = self._fixed.get(word)
        self.fixed[number] = self.columns[only] if only else -1
        self.after[number] = 0
        if not only:
            self._add_after(number, seen)

    def _add_after(self, number: int, seen: str) -> None:
        for column, prefix in self._after:
            feature = prefix + seen
            if feature not in self._weights:
                continue
            if self._n_after >= len(self.after_rows):
                self.after_rows = _grown(self.after_rows)
            self.after_rows[self._n_after] = self._weights.vector(feature)
            self.after[number, column] = self._n_after
            self._n_after += 1


def _grown(array: NDArray[np.int32]) -> NDArray[np.int32]:
    return np.concatenate([array, np.zeros_like(array)])


class Tagger:
    """Tags captions of lower-cased tokens.

    Parameters
    ----------
    nltk_data : path, optional
        Folder looked at first; see `chair_eval.nltk_data.search_path`.
    """

    def __init__(self, nltk_data: str | Path | None = None) -> None:
        # NLTK breaks ties in favour of the last name; argmax takes the first column.
        self.tags = sorted(read_json("classes", nltk_data), reverse=True)
        self._weights = Weights.read(self.tags, nltk_data)
        self._table = WordTable(self._weights, read_json("tagdict", nltk_data))
        self._history = self._history_rows()
        self.parts = np.array([PARTS.get(tag[0], "n") for tag in self.tags])

    def tag(self, captions: list[list[str]]) -> list[list[str]]:
        """Penn Treebank tags of every token of every caption."""
        columns = self.columns(captions)
        return [[self.tags[column] for column in row] for row in columns]

    def columns(self, captions: list[list[str]]) -> list[NDArray[np.int32]]:
        """Like `tag`, as positions in ``tags``; captions are tagged side by side."""
        if len(self._table.ids) > WORDS_KEPT:
            self._table.clear()
        order = sorted(range(len(captions)), key=lambda i: -len(captions[i]))
        lengths = np.array([len(captions[i]) for i in order], np.int64)
        padded = [word for i in order for word in (*START, *captions[i], *END)]
        numbers = np.array(self._table.numbers(padded), np.int64)
        first = np.concatenate([[0], np.cumsum(lengths + 4)[:-1]]) + 2 if order else lengths
        tags = self._advance(numbers, padded, first, lengths)
        found: list[NDArray[np.int32]] = [tags[:0]] * len(captions)
        for rank, i in enumerate(order):
            found[i] = tags[first[rank] : first[rank] + lengths[rank]]
        return found

    def _advance(
        self,
        numbers: NDArray[np.int64],
        words: list[str],
        first: NDArray[np.int64],
        lengths: NDArray[np.int64],
    ) -> NDArray[np.int32]:
        """Tag column per padded position; captions are sorted by falling length."""
        table, width = self._table, len(self.tags)
        tags = table.fixed[numbers].copy()
        tags[first - 2], tags[first - 1] = width + 1, width  # the tags "before" a caption
        inside = np.zeros(len(numbers), bool)
        for start, length in zip(first, lengths, strict=True):
            inside[start : start + length] = True
        free = np.flatnonzero((tags < 0) & inside)
        base = table.rows[numbers[free], 0]
        for slot, shift in ((1, -1), (2, -2), (3, 1), (4, 2)):
            base += table.rows[numbers[free + shift], slot]
        row_of = np.zeros(len(numbers), np.int64)
        row_of[free] = np.arange(len(free))
        for step in range(int(lengths[0]) if len(lengths) else 0):
            at = first[: np.searchsorted(-lengths, -step, side="left")] + step
            at = at[tags[at] < 0]
            if not len(at):
                continue
            before, earlier = tags[at - 1], tags[at - 2]
            scores = base[row_of[at]] + self._history[before, earlier]
            scores += table.after_rows[table.after[numbers[at], before]]
            best = scores.argmax(axis=1)
            top = scores[np.arange(len(at)), best]
            tags[at] = best
            for tie in np.flatnonzero((scores == top[:, None]).sum(axis=1) > 1):
                tags[at[tie]] = self._untie(words, int(at[tie]), tags)
        return tags

    def _untie(self, words: list[str], at: int, tags: NDArray[np.int32]) -> int:
        """Redo one decision with floating-point sums in NLTK's order."""
        names = [*self.tags, *START]
        before, earlier = names[tags[at - 1]], names[tags[at - 2]]
        seen = [
            word if word in START + END else normal_word(word) for word in words[at - 2 : at + 3]
        ]
        features = (
            "bias",
            f"i suffix {words[at][-3:]}",
            f"i pref1 {words[at][:1]}",
            f"i-1 tag {before}",
            f"i-2 tag {earlier}",
            f"i tag+i-2 tag {before} {earlier}",
            f"i word {seen[2]}",
            f"i-1 tag+i word {before} {seen[2]}",
            f"i-1 word {seen[1]}",
            f"i-1 suffix {seen[1][-3:]}",
            f"i-2 word {seen[0]}",
            f"i+1 word {seen[3]}",
            f"i+1 suffix {seen[3][-3:]}",
            f"i+2 word {seen[4]}",
        )
        scores = [0.0] * len(self.tags)
        for feature in features:
            for column, weight in self._weights[feature]:
                scores[column] += weight / 1000
        return max(range(len(scores)), key=lambda column: (scores[column], -column))

    def _history_rows(self) -> NDArray[np.int32]:
        """Scores of every (tag before, tag before that), the two pads included."""
        width = len(self.tags)
        names = [*self.tags, *START]
        rows = np.zeros((width + 2, width + 2, width), np.int32)
        for before, name in enumerate(names):
            rows[before] += self._weights.vector(f"i-1 tag {name}")
            rows[:, before] += self._weights.vector(f"i-2 tag {name}")
            for earlier, other in enumerate(names):
                rows[before, earlier] += self._weights.vector(f"i tag+i-2 tag {name} {other}")
        return rows
