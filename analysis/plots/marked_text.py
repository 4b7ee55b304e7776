"""A caption with its words marked: grounded, hallucinated, or neither."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

GLUE = "\b"
# Distance of two lines, in font sizes.
SPACING = 1.5
GROUNDED, HALLUCINATED = "grounded", "hallucinated"
# Ground, ink and weight: colour is never the only channel.
LOOKS = {
    GROUNDED: ("#CFEBDF", "#00573F", "normal"),
    HALLUCINATED: ("#F6D3BF", "#8F2D00", "bold"),
}


def pieces(
    text: str, spans: Sequence[tuple[int, int]], marks: Sequence[str]
) -> list[tuple[str, str]]:
    """Cut a text into words, each with the mark of the span it lies in, or ``""``.

    Parameters
    ----------
    text
        The caption.
    spans
        Character ranges [start, end) that are marked.
    marks
        Their marks, in parallel.

    Returns
    -------
    list of (word, mark)
        Blanks are dropped; a marked span of several words stays in one piece. A word that begins
        with `GLUE` follows the one before it without a blank.
    """
    found: list[tuple[str, str]] = []
    at = 0
    for (start, end), mark in sorted(zip(spans, marks, strict=True)):
        if start < at:
            continue
        found += _unmarked(text, at, start)
        found.append((text[start:end], mark))
        at = end
    return found + _unmarked(text, at, len(text))


def marked_words(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return a scored caption's words with their marks, as `pieces` does.

    Parameters
    ----------
    row
        One caption as CHAIR scored it: ``spans``, ``hallucinated`` (parallel) and the text,
        ``caption`` as the scorer calls it or ``answer`` as the records do.
    """
    marks = [HALLUCINATED if wrong else GROUNDED for wrong in row["hallucinated"]]
    spans = [(int(start), int(end)) for start, end in row["spans"]]
    return pieces(str(row["caption" if "caption" in row else "answer"]), spans, marks)


def _unmarked(text: str, start: int, end: int) -> list[tuple[str, str]]:
    """Split a stretch into words; one that follows a mark without a blank is glued to it."""
    words = text[start:end].split()
    glued = start > 0 and words and not text[start].isspace()
    return [(GLUE + word if glued and not place else word, "") for place, word in enumerate(words)]


def lines_needed(words: Sequence[tuple[str, str]], size: float, width: float) -> int:
    """Return about how many lines of ``width`` inches the words fill, rounded up generously."""
    total = sum(text_width(word.lstrip(GLUE), size) + 0.45 * size / 72 for word, _ in words)
    return int(1.15 * total / width) + 2


def marked_text(
    words: Sequence[tuple[str, str]],
    ax: Axes,
    *,
    size: float,
    width: float,
    height: float,
    top: float = 1.0,
) -> Axes:
    """Write words line by line into axes, marked ones on a coloured ground.

    Parameters
    ----------
    words
        As `pieces` returns them.
    ax
        Axes whose box, (0, 0) to (1, 1), holds the text; its decorations are switched off.
    size
        Font size in points.
    width, height
        Size of the axes in inches, for wrapping.
    top
        Where the first line begins, in axes units.
    """
    ax.axis("off")
    ax.set(xlim=(0, 1), ylim=(0, 1))
    line = SPACING * size / 72 / height
    blank = 0.3 * size / 72 / width
    x, y = 0.0, top - line
    for word, mark in words:
        glued = word.startswith(GLUE)
        word = word.lstrip(GLUE)
        ground, ink, weight = LOOKS.get(mark, (None, "#000000", "normal"))
        length = text_width(word, size, weight) / width
        pad = blank * 0.6 if mark else 0.0
        x = max(x - blank, 0.0) if glued else x
        if x > 0 and x + length + 2 * pad > 1:
            x, y = 0.0, y - line
        box = {"facecolor": ground, "edgecolor": "none", "pad": 1.0} if ground else None
        ax.text(x + pad, y, word, fontsize=size, color=ink, weight=weight, va="baseline", bbox=box)
        x += length + 2 * pad + blank
    return ax


@lru_cache(maxsize=4096)
def _width(word: str, size: float, weight: str, family: str) -> float:
    path = TextPath((0, 0), word, size=size, prop=FontProperties(family=family, weight=weight))
    return float(path.get_extents().x1) if len(path.vertices) else 0.0


def text_width(word: str, size: float, weight: str = "normal") -> float:
    """Return the width of a word in inches, in the serif font in force."""
    return _width(word, size, weight, mpl.rcParams["font.serif"][0]) / 72
