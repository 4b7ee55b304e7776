"""Glyphs of all categories, painted from the shapes that `glyphs.yaml` lists."""

from __future__ import annotations

import math
import re
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageColor

from analysis.scenes.pen import COLOURS, Colour, Pen, dark, light, random_colour
from analysis.scenes.world import read_table


@cache
def glyphs() -> dict[str, dict[str, Any]]:
    """Return category name → aspect, colours and shapes, as `glyphs.yaml` says them; all 26."""
    return read_table("glyphs.yaml")


def glyph_shape(category: str, side: float) -> tuple[float, float]:
    """Return (width, height) in pixels of a glyph whose box has the area side x side."""
    aspect = glyphs()[category].get("aspect", 1.0) ** 0.5
    return side * aspect, side / aspect


def draw_glyph(category: str, side: float, rng: np.random.Generator) -> Image.Image:
    """Draw one object as an RGBA image of about side x side pixels, mirrored half the time."""
    pen = Pen(*glyph_shape(category, side))
    colours = COLOURS | {"main": random_colour(rng), "second": random_colour(rng)}
    for name, (hue, *ranges) in glyphs()[category].get("colours", {}).items():
        colours[name] = random_colour(rng, hue, tuple(ranges[:2]), tuple(ranges[2:]))
    for line in glyphs()[category]["shapes"].splitlines():
        shape, colour, *numbers = line.split()
        getattr(pen, shape)(_colour(colour, colours), *map(float, numbers))
    if category in _TURNING:
        _TURNING[category](pen, rng)
    image = pen.finish()
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else image


def _colour(text: str, known: dict[str, Colour]) -> Colour:
    name, *changes = re.split(r"(?=[*+])", text)
    colour = known[name] if name in known else ImageColor.getrgb(name)[:3]
    for change in changes:
        colour = (dark if change[0] == "*" else light)(colour, float(change[1:]))
    return colour


def _turned(radius: float, angle: float) -> tuple[float, float]:
    return 0.5 + radius * math.cos(angle), 0.5 + radius * math.sin(angle)


def _pizza(pen: Pen, rng: np.random.Generator) -> None:
    """Seven slices of salami and three cuts."""
    for k in range(7):
        x, y = _turned(0.16 + 0.16 * (k % 2), k * 2 * math.pi / 7 + rng.random())
        pen.oval((200, 50, 40), x - 0.09, y - 0.09, x + 0.09, y + 0.09)
    for angle in (0.3, 1.35, 2.4):
        pen.line((190, 140, 60), 0.02, *_turned(-0.45, angle), *_turned(0.45, angle))


def _clock(pen: Pen, rng: np.random.Generator) -> None:
    """Twelve marks and two hands."""
    for angle in (k * math.pi / 6 for k in range(12)):
        pen.line(COLOURS["black"], 0.04, *_turned(0.33, angle), *_turned(0.38, angle))
    for length, width in ((0.2, 0.06), (0.3, 0.04)):
        tip = _turned(length, rng.random() * 2 * math.pi)
        pen.line(COLOURS["black"], width, 0.5, 0.5, *tip)


_TURNING = {"pizza": _pizza, "clock": _clock}
"""What is turned by an angle, or by chance, is painted over the listed shapes."""
