"""Where a lower-cased text breaks into sentences: Punkt's decisions without its 240 kB model.

The metric tokenises with ``nltk.word_tokenize``, which first cuts sentences with Punkt, then
splits a full stop off only at a sentence's end. On lower-cased text nearly all of the model's
parameters are idle; what remains is a list of abbreviations, 37 pairs that hold together and
four words (``data/sentences.json``). Follows NLTK 3.8.1, which the reference numbers were made
with; later versions also let curly quotes close a sentence.
"""

import json
import re
import string
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from chair_eval.facts import read_fact

CLOSING = r"[)\";}\]*:@'({\[!?]"
SEVERAL = r"(?:-{2,}|\.{2,}|(?:\.\s){2,}\.)"
WORD = re.compile(
    rf"{SEVERAL}"
    rf"|(?=[^(\"`{{\[:;&#*@)}}\]\-,])\S+?(?=\s|$|{CLOSING}|{SEVERAL}|,(?=$|\s|{CLOSING}|{SEVERAL}))"
    r"|\S"
)
STOP = re.compile(rf"[.?!](?=(?P<after>{CLOSING}|\s+(?P<next>\S+)))")
BELONGS_BEFORE = re.compile(r"[\"')\]}]+?(?:\s+|(?=--)|$)", re.MULTILINE)
NUMBER = re.compile(r"^-?[.,]?\d[\d,.-]*\.?$")
ELLIPSIS = re.compile(r"\.\.+$")
INITIAL = re.compile(r"[^\W\d]\.$")


@lru_cache(maxsize=1)
def facts() -> tuple[frozenset[str], frozenset[tuple[str, str]], frozenset[str]]:
    """Return the abbreviations, the pairs that hold together, and the lower-case starters."""
    table = json.loads(read_fact("sentences.json"))
    pairs = (pair.split("|") for pair in table["together"].split())
    return (
        frozenset(table["abbreviations"].split()),
        frozenset((first, second) for first, second in pairs),
        frozenset(table["lower_case_starters"].split()),
    )


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Character spans of the sentences of lower-cased `text`, in order, blanks between them.

    Closing quotes and brackets go to the sentence they end; an empty text has no sentence.
    """
    spans: list[tuple[int, int]] = []
    raw = list(_raw_spans(text))
    shift = 0
    for number, (start, end) in enumerate(raw):
        start += shift
        if number + 1 == len(raw):
            if text[start:end]:
                spans.append((start, end))
            break
        following = raw[number + 1]
        closing = BELONGS_BEFORE.match(text[following[0] : following[1]])
        if closing:
            spans.append((start, following[0] + len(closing[0].rstrip())))
            shift = closing.end()
        else:
            shift = 0
            if text[start:end]:
                spans.append((start, end))
    return spans


def _raw_spans(text: str) -> Iterator[tuple[int, int]]:
    begin = 0
    for stop, context in _candidates(text):
        if breaks(context):
            yield begin, stop.end()
            begin = stop.start("next") if stop["next"] else stop.end()
    yield begin, len(text.rstrip())


def _candidates(text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Every possible end of a sentence, with the word before it and what follows.

    Of several stops in one word ("wow!!! x") only the last counts.
    """
    last: re.Match[str] | None = None
    begin, end = 0, 0
    for stop in STOP.finditer(text):
        blank = _last_blank(text, end, stop.start())
        first = blank + 1 if blank > end else begin
        if last is not None and end <= first:
            yield last, text[begin:end] + last[0] + last["after"]
        last, begin, end = stop, first, stop.start()
    if last is not None:
        yield last, text[begin:end] + last[0] + last["after"]


def _last_blank(text: str, start: int, end: int) -> int:
    return max(text.rfind(blank, start, end) for blank in string.whitespace)


def breaks(context: str) -> bool:
    """Whether a sentence ends inside `context` (a word, its stop, and what comes after)."""
    tokens = [token for line in context.split("\n") for token in WORD.findall(line)]
    return any(_ends(token, following) for token, following in pairwise(tokens))


def _ends(token: str, following: str) -> bool:
    if token in ("?", "!"):
        return True
    if not token.endswith("."):
        return False
    abbreviations, together, starters = facts()
    kind = NUMBER.sub("##number##", token)
    kind = kind[:-1] if len(kind) > 1 and kind[-1] == "." else kind
    next_kind = _kind_after(following)
    if (kind, next_kind) in together:
        return False
    initial = bool(INITIAL.match(token))
    ends = token == "." or not (token.endswith("..") or _is_abbreviation(token, abbreviations))
    if not (initial or kind == "##number##"):
        return ends
    if following in tuple(";:,.!?") or (following[0].islower() and next_kind not in starters):
        return False
    return ends and not (initial and following[0].isupper())


def _is_abbreviation(token: str, abbreviations: frozenset[str]) -> bool:
    word = token[:-1]
    return word in abbreviations or word.split("-")[-1] in abbreviations


def _kind_after(token: str) -> str:
    """Type of the token after a stop; its own full stop counts unless it ends a sentence."""
    kind = NUMBER.sub("##number##", token)
    ends = token.endswith(".") and not token.endswith("..")
    if ends and len(kind) > 1 and kind[-1] == "." and not _is_abbreviation(token, facts()[0]):
        return kind[:-1]
    return kind
