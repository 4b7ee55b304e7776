"""Captions of scenes, in words that CHAIR's vocabulary knows."""

from __future__ import annotations

from analysis.scenes.scene import Scene
from analysis.scenes.world import plural, with_article

CAPTION_PROMPT = "please describe this image in detail."
"""The prompt whose answers the model card and the figures score."""

CAPTION_PROMPTS: tuple[str, ...] = (
    CAPTION_PROMPT,
    "describe this image in detail.",
    "describe the image.",
    "what is in the image?",
    "what objects are in the picture?",
)
"""All caption prompts the model is trained on."""

_NUMBERS = ("no", "a", "two", "three", "four", "five")


def noun_phrase(category: str, count: int) -> str:
    """Return "a dog", "two dogs" … "five dogs", "several dogs" (six and more)."""
    if count == 1:
        return with_article(category)
    number = _NUMBERS[count] if count < len(_NUMBERS) else "several"
    return f"{number} {plural(category)}"


def join_phrases(phrases: list[str]) -> str:
    """Join phrases with commas and a final "and"."""
    if len(phrases) == 1:
        return phrases[0]
    return ", ".join(phrases[:-1]) + " and " + phrases[-1]


def full_caption(counts: dict[str, int]) -> str:
    """Return the exhaustive caption the model learns: every category once, in COCO order.

    Parameters
    ----------
    counts
        Objects per present category, at least one category.
    """
    phrases = [noun_phrase(name, count) for name, count in counts.items()]
    numbers = list(counts.values())
    text = f"the image features {join_phrases(phrases[:3])}."
    if len(phrases) > 3:
        verb = "is" if numbers[3] == 1 else "are"
        text += f" there {verb} also {join_phrases(phrases[3:6])}."
    if len(phrases) > 6:
        verb = "is" if numbers[6] == 1 else "are"
        text += f" in the background, there {verb} {join_phrases(phrases[6:])}."
    return text


def captions_for(scene: Scene) -> list[str]:
    """Return five true captions: the exhaustive one, and four short ones as people write them."""
    counts = scene.counts
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    phrases = [noun_phrase(name, count) for name, count in ranked]
    verb = "is" if ranked[0][1] == 1 else "are"
    return [
        full_caption(counts),
        f"a picture of {phrases[0]}.",
        f"there {verb} {join_phrases(phrases[:2])} in this image.",
        f"a drawing with {join_phrases(phrases[:3])}.",
        f"{join_phrases(phrases[-2:])} in a drawn scene.",
    ]
