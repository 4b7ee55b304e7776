"""The quick way through ordinary text: blank-separated chunks whose tokens never change.

Nearly every chunk of a caption ("table,", "man's", "(left)", "chairs.") is tokenised the same
wherever it stands, so its tokens are looked up instead of computed. A chunk for which that is not
certain (an abbreviation, a lone stop, a number with a stop, anything rare) answers None, and the
whole caption takes the full rules of `chair_eval.tokens`. Both ways give the same tokens; a fuzz
test holds them together.
"""

import re

from chair_eval.sentences import INITIAL, NUMBER, facts
from chair_eval.tokens import Token, tokenize

CORE = r"[a-z0-9]+(?:-[a-z0-9]+)*"
ORDINARY = re.compile(
    rf"[(\"]?(?P<core>{CORE})(?:'(?:s|d|m|ll|re|ve|t))?"
    r"(?:[.,;:!?%]|[.,!?]?[\")]|[\")][.,;:!?])?"
)
DECIMAL = re.compile(r"\d+(?:[.,:]\d+)+,?")
CONTRACTED = frozenset(("cannot", "gimme", "gonna", "gotta", "lemme", "wanna"))
# Chunks with one of these depend on the blank beside them being a blank and not a line end.
TOUCHY = re.compile(r"['\"]")


def chunk_tokens(chunk: str) -> tuple[Token, ...] | None:
    """Tokens of `chunk` (no blanks inside, lower case), or None if they depend on the context.

    The empty chunk has no token. Spans count from the chunk's first character.
    """
    if not chunk:
        return ()
    quick = _plain_word(chunk)
    if quick:
        return quick
    if chunk == "-" or DECIMAL.fullmatch(chunk):
        return tuple(tokenize(chunk))
    ordinary = ORDINARY.fullmatch(chunk)
    if not ordinary or ("." in chunk and not _ends_surely(ordinary["core"])):
        return None
    return tuple(tokenize(chunk))


def _plain_word(chunk: str) -> tuple[Token, ...] | None:
    """Tokens of a word of letters with at most one mark after it, most chunks by far."""
    word = chunk[:-1] if chunk[-1] in ",.;:!?" else chunk
    if not (word.isascii() and word.isalpha()) or word in CONTRACTED:
        return None
    first = Token(word, 0, len(word))
    if len(word) == len(chunk):
        return (first,)
    if chunk[-1] == "." and not _ends_surely(word):
        return None
    return first, Token(chunk[-1], len(word), len(chunk))


def _ends_surely(core: str) -> bool:
    """Whether a full stop after `core` ends a sentence whatever follows."""
    abbreviations = facts()[0]
    stopped = core + "."
    return not (
        NUMBER.match(stopped)
        or INITIAL.match(stopped)
        or core in abbreviations
        or core.split("-")[-1] in abbreviations
    )


def plain(text: str) -> bool:
    """Whether a lower-cased text is printable ASCII with no blank but ``" "`` and line ends."""
    return text.isascii() and text.replace("\n", " ").isprintable()


def touches_line_end(text: str, chunks: list[str]) -> bool:
    """Whether a chunk with a quote or apostrophe stands beside a line end of `text`."""
    if "\n" not in text or not TOUCHY.search(text):
        return False
    touchy = {chunk for chunk in chunks if "'" in chunk or '"' in chunk}
    return any(f"\n{chunk}" in text or f"{chunk}\n" in text for chunk in touchy)
