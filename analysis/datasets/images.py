"""Turn any image file into RGB pixels, or into one sentence that says why not."""

import io
import warnings
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from analysis.paths import ordinary

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jfif", ".png", ".webp", ".avif", ".bmp", ".gif", ".tif", ".tiff"}
)

#: What is decoded, by content: Pillow knows kinds (EPS) for which it starts another program.
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "BMP", "GIF", "TIFF")
#: Longest side over shortest, at most: a processor that resizes the short side to 336 pixels makes
#: a long one of it. 200 is what Qwen's processor allows.
MAX_RATIO = 200


class UnreadableImageError(OSError, ValueError):
    """An image that cannot be used; the message gives its name and the reason.

    Both an ``OSError`` and a ``ValueError``: callers may know it as either.
    """


@dataclass(frozen=True)
class ImagePolicy:
    """How pixels become RGB.

    Always: grey and palette are expanded, CMYK is converted without its colour profile, 16-bit
    values are scaled to 8 bits, an animation gives its first frame.

    Attributes
    ----------
    alpha
        ``"white"`` puts transparent pixels on white; ``"drop"`` ignores transparency as
        ``Image.convert("RGB")`` does, which is what the official loaders of the benchmarks do.
    orient
        Whether the EXIF orientation is applied. The official loaders do not; annotated boxes
        refer to the stored pixels.
    max_pixels
        Images are refused before they are decoded when they, padded to a square, have more; the
        default is Pillow's own limit and allows sides up to 9,459.
    """

    alpha: Literal["white", "drop"] = "white"
    orient: bool = True
    max_pixels: int = 89_478_485

    def __post_init__(self) -> None:
        if self.alpha not in ("white", "drop"):
            raise ValueError(f"alpha={self.alpha!r} is not allowed; choose white or drop")
        if self.max_pixels < 1:
            raise ValueError(f"max_pixels={self.max_pixels} is not allowed; give 1 or more")


#: A user's own pictures: upright, transparency on white.
OWN_PICTURES = ImagePolicy()
#: Published benchmarks: exactly what ``Image.open(path).convert("RGB")`` gives.
BENCHMARK = ImagePolicy(alpha="drop", orient=False)


def load_image(
    source: Path | bytes, name: str | None = None, policy: ImagePolicy = OWN_PICTURES
) -> Image.Image:
    """Read one image as RGB.

    Parameters
    ----------
    source
        Path of the file, or its bytes.
    name
        What to call the image in messages; the file's name by default.
    policy
        How pixels become RGB.

    Raises
    ------
    UnreadableImageError
        If the file is missing, no image, truncated, corrupt, or larger than the limit.
    """
    label = name or (source.name if isinstance(source, Path) else "image")
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        if isinstance(source, Path) and not ordinary(source):
            raise ValueError("it is a pipe or device, not a file")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # checked below
            with Image.open(stream, formats=FORMATS) as opened:
                _check_size(opened, policy.max_pixels)
                opened.load()
                return to_rgb(opened, policy)
    # Pillow's decoders let almost any exception through on damaged files (SyntaxError,
    # struct.error, zlib.error, IndexError …); one bad file must not end a run.
    except Exception as error:
        raise UnreadableImageError(f"{label}: {_reason(error)}") from error


def to_rgb(image: Image.Image, policy: ImagePolicy = OWN_PICTURES) -> Image.Image:
    """Return a decoded image of any mode as an RGB copy without metadata.

    Raises
    ------
    ValueError
        If the pixels are 32-bit or floating-point numbers whose scale is unknown.
    """
    if policy.orient:
        image = ImageOps.exif_transpose(image)
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _wide_to_rgb(image)
    transparent = "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "La", "RGBa")
    if transparent and policy.alpha == "white":
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    rgb = image.convert("RGB")
    return rgb.copy() if rgb is image else rgb


def _wide_to_rgb(image: Image.Image) -> Image.Image:
    """Scale 16-bit, 32-bit or float grey to 8 bits; ``convert`` would clip it to white."""
    values = np.asarray(image).astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and low >= 0 and high <= 65535):
        raise ValueError(f"grey values from {low:g} to {high:g} have no known scale; save as 8-bit")
    if image.mode == "F":
        if high > 255:
            raise ValueError(f"float values up to {high:g} have no known scale; save as 8-bit")
        scale = 255.0 if high <= 1 else 1.0
    else:
        scale = 1.0 if image.mode == "I" and high <= 255 else 1 / 257  # 65535 / 257 = 255
    return Image.fromarray(np.rint(values * scale).astype(np.uint8)).convert("RGB")


def _check_size(image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    side, short = max(width, height), max(1, min(width, height))
    if side**2 > max_pixels:
        raise ValueError(
            f"{width} x {height} pixels, padded to a square, are more than the limit of "
            f"{max_pixels:,} (sides up to {isqrt(max_pixels):,}); shrink it"
        )
    if side > MAX_RATIO * short:
        raise ValueError(
            f"{width} x {height} pixels are longer than {MAX_RATIO} times their width; crop it"
        )


def _reason(error: Exception) -> str:
    """Return one readable sentence for whatever Pillow raised."""
    if isinstance(error, FileNotFoundError):
        return "the file is missing"
    if isinstance(error, IsADirectoryError):
        return "it is a folder, not a file"
    if isinstance(error, PermissionError):
        return "the file may not be read (permission denied)"
    if isinstance(error, UnidentifiedImageError):
        return "not an image, or of a kind that cannot be decoded"
    if isinstance(error, Image.DecompressionBombError):
        return f"too many pixels to decode safely ({error})"
    text = " ".join(str(error).split()) or type(error).__name__
    return text if isinstance(error, ValueError) else f"corrupt or truncated ({text})"
