"""Common image corruptions in the manner of ImageNet-C, drawn from a seeded generator.

The kinds are those of Hendrycks & Dietterich (2019) without frost, which needs
photographs of ice. The levels are **our own scale**: five steps from barely visible to
severe, close in spirit to the published ones but not copied from them, and lengths in
pixels are given for a shorter side of 224 and grow with the image. Each function takes
an (H, W, 3) float array in [0, 1] and returns one that is clipped afterwards.
"""

import hashlib
import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from analysis.errors import UsageError
from analysis.extract.analyses.optics import (
    blurred,
    disc,
    filtered,
    line,
    noise_clouds,
    shifted,
    zoomed,
)

Pixels = NDArray[np.float64]
Corruption = Callable[[Pixels, int, np.random.Generator], Pixels]

#: Steps of severity that the corruption analysis holds.
SEVERITIES = (1, 3, 5)
_SIDE = 224


def gaussian_noise(x: Pixels, severity: int, rng: np.random.Generator) -> Pixels:
    """Add normal noise."""
    return x + rng.normal(scale=(0.04, 0.08, 0.13, 0.19, 0.26)[severity - 1], size=x.shape)


def shot_noise(x: Pixels, severity: int, rng: np.random.Generator) -> Pixels:
    """Count photons: Poisson noise, stronger the less light is collected."""
    photons = (120, 50, 22, 10, 5)[severity - 1]
    return rng.poisson(np.clip(x, 0, 1) * photons) / photons


def impulse_noise(x: Pixels, severity: int, rng: np.random.Generator) -> Pixels:
    """Set a share of the values to black or white (salt and pepper)."""
    share = (0.02, 0.05, 0.09, 0.15, 0.23)[severity - 1]
    draw = rng.random(x.shape)
    return np.where(draw < share / 2, 0.0, np.where(draw < share, 1.0, x))


def gaussian_blur(x: Pixels, severity: int, rng: np.random.Generator) -> Pixels:
    """Blur with a normal kernel."""
    del rng
    return blurred(x, (0.8, 1.4, 2.2, 3.2, 4.5)[severity - 1] * _scale(x))


def defocus_blur(x: Pixels, severity: int, rng: np.random.Generator) -> Pixels:
    """Blur with a disc, as a lens out of focus does."""
    del rng
    return filtered(x, disc((1.5, 2.5, 3.5, 5.0, 7.0)[severity - 1] * _scale(x)))


def glass_blur(x: Pixels, severity: int, rng: np.random.Generator) -> Pixels:
    """Displace every pixel at random, then blur a little: frosted glass."""
    reach = (1.0, 1.5, 2.0, 3.0, 4.0)[severity - 1] * _scale(x)
    field = rng.uniform(-reach, reach, size=(2, *x.shape[:2]))
    return blurred(shifted(x, field, order=0), 0.5 * _scale(x))


def motion_blur(x: Pixels, severity: int, rng: np.random.Generator) -> Pixels:
    """Blur along a line of random direction."""
    length = (5, 9, 13, 18, 25)[severity - 1] * _scale(x)
    return filtered(x, line(length, rng.uniform(0, np.pi)))


def zoom_blur(x: Pixels, severity: int, rng: np.random.Generator) -> Pixels:
    """Average the image over growing magnifications."""
    del rng
    largest = (1.06, 1.12, 1.18, 1.25, 1.33)[severity - 1]
    return np.mean([zoomed(x, factor) for factor in np.linspace(1.0, largest, 9)], axis=0)


def snow(x: Pixels, severity: int, rng: np.random.Generator) -> Pixels:
    """Whiten the image and let drawn flakes fall across it."""
    share, veil, length = (
        (0.010, 0.10, 4),
        (0.020, 0.16, 6),
        (0.035, 0.22, 8),
        (0.050, 0.28, 10),
        (0.070, 0.34, 12),
    )[severity - 1]
    spots = (rng.random(x.shape[:2]) < share).astype(float)
    spots = blurred(spots[:, :, None], 0.8 * _scale(x)) * 4
    flakes = filtered(spots, line(length * _scale(x), rng.uniform(0.9, 2.2))) * 2
    return np.clip(x * (1 - veil) + veil * 0.9, 0, 1) + flakes


def fog(x: Pixels, severity: int, rng: np.random.Generator) -> Pixels:
    """Lay clouds of noise over the image; contrast fades with them."""
    amount = (0.4, 0.7, 1.0, 1.4, 2.0)[severity - 1]
    clouds = noise_clouds(x.shape[:2], rng)[:, :, None]
    return (x + amount * clouds) / (1 + amount)


def brightness(x: Pixels, severity: int, rng: np.random.Generator) -> Pixels:
    """Add light."""
    del rng
    return x + (0.1, 0.18, 0.26, 0.34, 0.42)[severity - 1]


def contrast(x: Pixels, severity: int, rng: np.random.Generator) -> Pixels:
    """Pull every value towards the mean colour."""
    del rng
    mean = x.mean(axis=(0, 1), keepdims=True)
    return mean + (x - mean) * (0.6, 0.45, 0.32, 0.2, 0.1)[severity - 1]


def elastic(x: Pixels, severity: int, rng: np.random.Generator) -> Pixels:
    """Warp the image by a smooth random field."""
    reach, smooth = ((2, 8), (4, 8), (6, 8), (9, 8), (13, 8))[severity - 1]
    field = blurred(rng.uniform(-1, 1, size=(*x.shape[:2], 2)), smooth * _scale(x))
    field *= reach * _scale(x) / max(float(np.abs(field).max()), 1e-9)
    return shifted(x, np.moveaxis(field, -1, 0), order=1)


def pixelate(x: Pixels, severity: int, rng: np.random.Generator) -> Pixels:
    """Shrink by averaging and enlarge without smoothing."""
    del rng
    factor = (0.6, 0.45, 0.33, 0.25, 0.18)[severity - 1]
    height, width = x.shape[:2]
    small = (max(1, round(width * factor)), max(1, round(height * factor)))
    image = _picture(x).resize(small, Image.Resampling.BOX)
    return _pixels(image.resize((width, height), Image.Resampling.NEAREST))


def jpeg(x: Pixels, severity: int, rng: np.random.Generator) -> Pixels:
    """Save as JPEG of low quality and read back."""
    del rng
    stream = io.BytesIO()
    _picture(x).save(stream, "JPEG", quality=(40, 25, 15, 10, 6)[severity - 1])
    with Image.open(stream) as saved:
        return _pixels(saved)


#: Name in the ``corruption`` column → function.
CORRUPTIONS: dict[str, Corruption] = {
    "gaussian noise": gaussian_noise,
    "shot noise": shot_noise,
    "impulse noise": impulse_noise,
    "blur": gaussian_blur,
    "defocus blur": defocus_blur,
    "glass blur": glass_blur,
    "motion blur": motion_blur,
    "zoom blur": zoom_blur,
    "snow": snow,
    "fog": fog,
    "brightness": brightness,
    "contrast": contrast,
    "elastic": elastic,
    "pixelate": pixelate,
    "jpeg": jpeg,
}


def corrupt(image: Image.Image, name: str, severity: int, seed: int, key: str) -> Image.Image:
    """Return a corrupted copy of an RGB image.

    Parameters
    ----------
    image
        Any size; the copy has the same.
    name
        One of `CORRUPTIONS`.
    severity
        1 (barely visible) to 5 (severe).
    seed, key
        With the name they decide the noise (``key`` is the image's id): equal arguments
        give equal pixels, and severities of one image share their draw.

    Raises
    ------
    UsageError
        For an unknown corruption or severity.
    """
    if name not in CORRUPTIONS:
        raise UsageError(f"unknown corruption {name!r}; choose one of: {', '.join(CORRUPTIONS)}.")
    if severity not in range(1, 6):
        raise UsageError(f"severity must be 1 to 5, got {severity}.")
    digest = hashlib.sha256(f"{seed}:{key}:{name}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    return _picture(CORRUPTIONS[name](_pixels(image), severity, rng))


def _scale(x: Pixels) -> float:
    """Return how much longer the shorter side is than the one lengths are given for."""
    return min(x.shape[:2]) / _SIDE


def _pixels(image: Image.Image) -> Pixels:
    return np.asarray(image.convert("RGB"), dtype=np.float64) / 255


def _picture(x: Pixels) -> Image.Image:
    return Image.fromarray(np.rint(np.clip(x, 0, 1) * 255).astype(np.uint8))
