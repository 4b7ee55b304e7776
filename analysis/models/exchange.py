"""What goes into an adapter and what comes out of it."""

from dataclasses import dataclass

from analysis.selection import Selection
from analysis.tokens import VisualTokens


@dataclass(frozen=True, eq=False)
class Request:
    """One question about one image, with the tokens the model may look at.

    Attributes
    ----------
    question
        The user's words, without the conversation around them.
    tokens
        All visual tokens of the image.
    selection
        Which of them to feed; None feeds all.
    """

    question: str
    tokens: VisualTokens
    selection: Selection | None = None


@dataclass(frozen=True)
class Outline:
    """What a checkpoint's configuration says without its weights.

    Attributes
    ----------
    family
        Name of the model family.
    offers
        Fields of `VisualTokens` its adapter fills.
    n_tokens
        Visual tokens of every image, None where it differs from image to image.
    assumed
        The same, or what to reckon with where it differs.
    depth
        Decoder layers, None where the configuration does not say.
    """

    family: str
    offers: frozenset[str]
    n_tokens: int | None
    assumed: int
    depth: int | None


@dataclass(frozen=True)
class Answer:
    """What the model said.

    Attributes
    ----------
    text
        Decoded answer without special tokens, stripped.
    token_ids
        New tokens up to and including the stop token.
    truncated
        True when generation ended at the limit instead of a stop token.
    selection
        What an in-model pruner kept for this row; None otherwise.
    """

    text: str
    token_ids: tuple[int, ...]
    truncated: bool
    selection: Selection | None = None
