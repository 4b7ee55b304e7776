"""Words and their places: the tokens of ``nltk.word_tokenize`` (3.8.1) without NLTK.

A sentence is rewritten by an ordered list of small rules that put blanks around what is a token
of its own, then cut at blanks, as the Penn Treebank tokeniser family does. The order matters and
several rules look odd (a quote opens only after a blank, ``'s`` is cut only before a blank): the
metric counts these tokens, so they are kept. Equality with NLTK is tested in
``tests/chair_eval/test_tokens.py``.
"""

import re
from typing import NamedTuple

from chair_eval.sentences import sentence_spans


class Token(NamedTuple):
    """A token and the span of the (lower-cased) text it stands for."""

    text: str
    start: int
    end: int


OPENING = (
    (r"([«“‘„]|`+)", r" \1 "),
    (r'^"', "``"),
    (r"(``)", r" \1 "),
    (r"([ (\[{<])(?:\"|'')", r"\1 `` "),
    (r"(?i)'(?!re|ve|ll|m|t|s|d|n)(\w)\b", r"' \1"),
)
STOPS = (
    (r"([^.])\.([\])}>\"' »”’]*+)\s*$", r"\1 . \2 "),
    (r"([:,])(\D)", r" \1 \2"),
    (r"([:,])$", r" \1 "),
    (r"(\.{2,}|[;@#$%&])", r" \1 "),
    (r"([^.])\.([\])}>\"']*+)\s*$", r"\1 .\2 "),
    (r"([?!])", r" \1 "),
    (r"([^'])' ", r"\1 ' "),
    (r"([*\]\[(){}<>]|--)", r" \1 "),
)
CLOSING = (
    (r"([»”’])", r" \1 "),
    (r"''", " '' "),
    (r'"', " '' "),
    (r"([^' ])('[sSmMdD]?) ", r"\1 \2 "),
    (r"([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) ", r"\1 \2 "),
)
CONTRACTIONS = (
    (r"(?i)\b(can)(not)\b", r" \1 \2 "),
    (r"(?i)\b(d)('ye)\b", r" \1 \2 "),
    (r"(?i)\b(gim)(me)\b", r" \1 \2 "),
    (r"(?i)\b(gon)(na)\b", r" \1 \2 "),
    (r"(?i)\b(got)(ta)\b", r" \1 \2 "),
    (r"(?i)\b(lem)(me)\b", r" \1 \2 "),
    (r"(?i)\b(more)('n)\b", r" \1 \2 "),
    (r"(?i)\b(wan)(na)(?=\s)", r" \1 \2 "),
    (r"(?i) ('t)(is)\b", r" \1 \2 "),
    (r"(?i) ('t)(was)\b", r" \1 \2 "),
)


def _compiled(rules: tuple[tuple[str, str], ...]) -> list[tuple[re.Pattern[str], str]]:
    return [(re.compile(pattern), replacement) for pattern, replacement in rules]


_INSIDE = _compiled(OPENING + STOPS)
_PADDED = _compiled(CLOSING + CONTRACTIONS)


def words_of(sentence: str) -> list[str]:
    """Tokens of one sentence; straight double quotes come out as `` and ''."""
    for pattern, replacement in _INSIDE:
        sentence = pattern.sub(replacement, sentence)
    sentence = f" {sentence} "
    for pattern, replacement in _PADDED:
        sentence = pattern.sub(replacement, sentence)
    return sentence.split()


def tokenize(text: str) -> list[Token]:
    """Tokens of a lower-cased text with their character spans in it."""
    tokens: list[Token] = []
    for begin, end in sentence_spans(text):
        position = begin
        for word in words_of(text[begin:end]):
            while text[position].isspace():
                position += 1
            length = len(word)
            if not text.startswith(word, position):  # a quote that was rewritten
                length = 1 if text[position] == '"' else 2
            tokens.append(Token(word, position, position + length))
            position += length
    return tokens
