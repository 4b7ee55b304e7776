"""Backgrounds: two themed bands under a texture of adjustable strength."""

from __future__ import annotations

import colorsys
import math

import numpy as np
from PIL import Image, ImageDraw

from analysis.scenes.pen import Colour, random_colour
from analysis.scenes.world import SIZE, themes

_PLAIN_BELOW = 0.12


def _band_colour(hsv: tuple[float, float, float], rng: np.random.Generator) -> np.ndarray:
    hue = (hsv[0] + rng.normal() * 0.03) % 1
    saturation = float(np.clip(hsv[1] + rng.normal() * 0.08, 0, 1))
    value = float(np.clip(hsv[2] + rng.normal() * 0.07, 0, 1))
    return np.array(colorsys.hsv_to_rgb(hue, saturation, value)) * 255


def _bands(
    top: np.ndarray, bottom: np.ndarray, texture: float, rng: np.random.Generator
) -> tuple[Image.Image, int]:
    canvas = np.empty((SIZE, SIZE, 3), np.float32)
    horizon = 0
    if texture < _PLAIN_BELOW:
        canvas[:] = top if rng.random() < 0.5 else bottom
    else:
        horizon = int(SIZE * rng.uniform(0.3, 0.65))
        canvas[:horizon], canvas[horizon:] = top, bottom
        if rng.random() < 0.5:
            ramp = np.linspace(-20, 20, SIZE, dtype=np.float32)[:, None, None]
            canvas += ramp * np.float32(rng.normal())
    return Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8)), horizon


def _element(
    draw: ImageDraw.ImageDraw,
    style: int,
    x: float,
    y: float,
    r: float,
    rng: np.random.Generator,
    colour: Colour,
) -> None:
    if style == 0:
        draw.ellipse([x - r, y - r * 0.6, x + r, y + r * 0.6], fill=colour)
    elif style == 1:
        draw.line([x - r * 2, y, x + r * 2, y + rng.normal() * 2], fill=colour, width=2)
    elif style == 2:
        draw.rectangle([x - r, y - r * 0.5, x + r, y + r * 0.5], fill=colour)
    elif style == 3:
        draw.line([x, y - r, x + rng.normal() * 2, y + r], fill=colour, width=2)
    else:
        turn = rng.random() * 2 * math.pi
        angles = [turn + k * 2.1 for k in range(3)]
        draw.polygon([(x + r * math.cos(a), y + r * math.sin(a)) for a in angles], fill=colour)


def _scatter(
    draw: ImageDraw.ImageDraw,
    bases: tuple[np.ndarray, np.ndarray],
    horizon: int,
    texture: float,
    rng: np.random.Generator,
) -> None:
    style = int(rng.integers(5))
    for _ in range(int(texture * rng.integers(15, 90))):
        x, y = rng.random(2) * SIZE
        base = bases[0] if y < horizon else bases[1]
        shade = base * (1 + rng.normal() * 0.35 * texture) + rng.normal(size=3) * 14 * texture
        r, g, b = (int(v) for v in np.clip(shade, 0, 255))
        _element(draw, style, x, y, rng.uniform(2, 4 + 10 * texture), rng, (r, g, b))


def _theme_marks(
    draw: ImageDraw.ImageDraw, theme: str, top: np.ndarray, horizon: int, rng: np.random.Generator
) -> None:
    if theme == "street" and rng.random() < 0.7:
        y = horizon + (SIZE - horizon) * 0.55
        for x in range(int(rng.integers(0, 20)), SIZE, 28):
            draw.rectangle([x, y, x + 14, y + 3], fill=(230, 225, 200))
    if theme in ("kitchen", "living") and rng.random() < 0.6:
        step = int(rng.integers(14, 30))
        r, g, b = (int(v * 0.9) for v in top)
        for x in range(0, SIZE, step):
            draw.line([x, 0, x, horizon], fill=(r, g, b))
        for y in range(0, horizon, step):
            draw.line([0, y, SIZE, y], fill=(r, g, b))


def _clutter(draw: ImageDraw.ImageDraw, texture: float, rng: np.random.Generator) -> None:
    for _ in range(int(rng.poisson(2.2 * texture))):
        x, y = rng.random(2) * SIZE
        r = rng.uniform(3, 9)
        colour = random_colour(rng, None, (0.1, 0.8), (0.3, 0.9))
        shape = rng.integers(3)
        if shape == 0:
            draw.ellipse([x - r, y - r, x + r, y + r], fill=colour)
        elif shape == 1:
            draw.rectangle([x - r, y - r * 0.6, x + r, y + r * 0.6], fill=colour)
        else:
            draw.line([x - r, y - r, x + r, y + r], fill=colour, width=3)


def draw_background(theme: str, texture: float, rng: np.random.Generator) -> Image.Image:
    """Draw an RGB ground of SIZE x SIZE pixels.

    Parameters
    ----------
    theme
        One of `world.themes`; gives the colours of the two bands.
    texture
        0..1. Below 0.12 a single plain colour; above it bands, scattered elements, road marks or
        tiles, and clutter that belongs to no category, all growing with it.
    rng
        Source of every random choice.
    """
    top = _band_colour(themes()[theme].upper, rng)
    bottom = _band_colour(themes()[theme].lower, rng)
    image, horizon = _bands(top, bottom, texture, rng)
    if texture >= _PLAIN_BELOW:
        draw = ImageDraw.Draw(image)
        _scatter(draw, (top, bottom), horizon, texture, rng)
        _theme_marks(draw, theme, top, horizon, rng)
        _clutter(draw, texture, rng)
    return image
