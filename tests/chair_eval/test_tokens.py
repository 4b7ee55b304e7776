"""Tokens equal those of nltk.word_tokenize (3.8.1) on invented texts."""

import json
import random
from pathlib import Path

import pytest

from chair_eval.chunks import chunk_tokens, plain, touches_line_end
from chair_eval.tokens import tokenize

# fmt: off
PIECES = (
    "dog", "cats", "the", "a", "st", "st.", "u.s.", "p.m.", "10", "3.5", "2.", "1,000",
    "10:30", "$5", "50%", "'", "''", '"', "``", "`", ".", "..", "...", "!", "?", "?!", ",",
    ";", ":", "(", ")", "[", "]", "{", "}", "<", ">", "--", "-", "---", "—", "–", "“", "”",
    "‘", "’", "«", "»", "„", "'s", "n't", "'ll", "'re", "'d", "'m", "'t", "'tis", "'twas",
    "cannot", "gonna", "wanna", "gimme", "lemme", "gotta", "more'n", "d'ye", "*", "&", "#",
    "@", "mr.", "dr", "e.g", "smith", "abreast", "cooper", "j.", "walter", "administrators",
    "İ", "ß", "ǅ", "𝐀", "é", "ſ", "x", "_", "/", "\\", "w-w", "o'clock", "rock'n'roll", "'90s",
    "cat's", "dogs'", "isn't", "table.the", "end.", "end!", "(left)", '"stop"', 'stop."',
    "ph.d", "no.", "\n", "\n\n", "\t", "\r\n", "\u00a0", "\u2028", "  ", ". . .",
)
# fmt: on


def invented(seed, n):
    pick = random.Random(seed)
    for _ in range(n):
        gap = pick.choice((0.3, 0.6, 0.9))
        yield "".join(
            pick.choice(PIECES) + (" " if pick.random() < gap else "")
            for _ in range(pick.randrange(1, 14))
        ).lower()


def test_invented_texts():
    """The tokens were written down from NLTK, with the rules of 3.8.1."""
    lines = (Path(__file__).parent / "facts" / "tokens.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == 1500
    for line in lines:
        text, expected = json.loads(line)
        assert [token.text for token in tokenize(text)] == expected, text


def test_spans_are_the_tokens():
    for text in invented(2, 3000):
        end = 0
        for token in tokenize(text):
            assert token.start >= end
            end = token.end
            piece = text[token.start : token.end]
            assert piece == token.text or piece in ('"', "''")


def test_quick_chunks_give_the_same_tokens():
    pick = random.Random(3)
    words = ["dog", "the", "table", "men", "i", "10", "3.5", "well-worn", "hot", "seat", "cannot"]
    words += ["wanna", "isn't", "man's", "they've", "x-st", "2-3", "vase's", "3d", "1,000", "-"]
    ends = ["", "", "", ",", ".", ";", ":", "!", "?", '"', ")", '."', ',"', '".', ").", "%"]
    checked = 0
    for _ in range(8000):
        text = "".join(
            pick.choice(["", "", '"', "("])
            + pick.choice(words)
            + pick.choice(ends)
            + pick.choice([" ", " ", " ", "\n", "\n\n", "  "])
            for _ in range(pick.randrange(1, 8))
        )
        chunks = text.replace("\n", " ").split(" ")
        entries = [chunk_tokens(chunk) for chunk in chunks]
        if None in entries or touches_line_end(text, chunks) or not plain(text):
            continue
        checked += 1
        place, quick = 0, []
        for chunk, entry in zip(chunks, entries, strict=True):
            quick += [(word, place + start, place + end) for word, start, end in entry]
            place += len(chunk) + 1
        assert quick == [tuple(token) for token in tokenize(text)], text
    assert checked > 1000


@pytest.mark.parametrize("chunk", ["st.", "u.s.", "b.", "2.", "10.", "...", "'", '"', "a/b", "--"])
def test_doubtful_chunks_take_the_long_way(chunk):
    assert chunk_tokens(chunk) is None


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\t \x1c"])
def test_nothing_in_nothing_out(text):
    assert tokenize(text) == []
