"""Image geometry before the tower: the papers' square padding, or the hub's crop."""

from collections.abc import Sequence
from typing import Literal

from PIL import Image

from analysis.errors import UsageError

# anyres and native belong to families that bring their own geometry (LLaVA-NeXT, Qwen).
Aspect = Literal["pad", "crop", "anyres", "native"]
ASPECTS: tuple[Aspect, ...] = ("pad", "crop")


def resolve_aspect(
    chosen: str, family: str, default: Aspect, allowed: tuple[Aspect, ...]
) -> Aspect:
    """Check the image geometry asked for against what a family can do; ``auto`` is its default.

    Raises
    ------
    UsageError
        If the family does not know it.
    """
    for aspect in (default, *allowed):
        if aspect == (default if chosen == "auto" else chosen):
            return aspect
    raise UsageError(
        f"image_aspect {chosen!r} does not fit {family}, which always uses {default}; "
        "leave it at auto."
    )


def pad_to_square(image: Image.Image, mean: Sequence[float]) -> Image.Image:
    """Centre an RGB image on a square of the processor's mean colour.

    The original LLaVA-1.5 evaluation does this (``image_aspect_ratio = pad``): side =
    longer edge, offset = (side - shorter) // 2, fill = int(mean * 255).

    Parameters
    ----------
    image
        RGB image.
    mean
        Three channel means in [0, 1].

    Returns
    -------
    Image.Image
        Square image; the input itself when it is square already.
    """
    width, height = image.size
    if width == height:
        return image
    side = max(width, height)
    red, green, blue = (int(channel * 255) for channel in mean)
    square = Image.new("RGB", (side, side), (red, green, blue))
    square.paste(image, ((side - width) // 2, (side - height) // 2))
    return square


def prepare(image: Image.Image, aspect: Aspect, mean: Sequence[float]) -> Image.Image:
    """Return the image as the processor shall see it.

    Parameters
    ----------
    image
        Image of any mode; converted to RGB.
    aspect
        ``pad`` (square padding first) or ``crop`` (leave it to the processor's centre crop).
    mean
        Channel means of the processor.

    Raises
    ------
    ValueError
        For any other aspect.
    """
    if aspect not in ASPECTS:
        raise ValueError(f"image_aspect must be one of {', '.join(ASPECTS)}, got {aspect!r}")
    rgb = image.convert("RGB")
    return pad_to_square(rgb, mean) if aspect == "pad" else rgb
