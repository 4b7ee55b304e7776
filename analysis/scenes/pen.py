"""A pen that draws in unit coordinates on a transparent glyph, and the colours it uses."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from itertools import cycle

import numpy as np
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Range = tuple[float, float]

COLOURS: dict[str, Colour] = {
    "black": (25, 25, 30),
    "grey": (120, 120, 125),
    "white": (240, 240, 240),
    "glass": (190, 225, 245),
}
"""The named colours of every glyph."""

_OVERSAMPLE = 2


def random_colour(
    rng: np.random.Generator,
    hue: float | None = None,
    saturation: Range = (0.45, 1.0),
    value: Range = (0.45, 1.0),
) -> Colour:
    """Draw an RGB colour (0..255); `hue` (0..1) is jittered, or free when None."""
    h = rng.random() if hue is None else (hue + rng.normal() * 0.02) % 1
    rgb = colorsys.hsv_to_rgb(h, rng.uniform(*saturation), rng.uniform(*value))
    return int(rgb[0] * 255), int(rgb[1] * 255), int(rgb[2] * 255)


def dark(colour: Colour, factor: float = 0.6) -> Colour:
    """Return the colour scaled towards black by `factor` (0..1)."""
    r, g, b = colour
    return int(r * factor), int(g * factor), int(b * factor)


def light(colour: Colour, factor: float = 0.5) -> Colour:
    """Return the colour moved towards white by `factor` (0..1)."""
    r, g, b = (int(v + (255 - v) * factor) for v in colour)
    return r, g, b


class Pen:
    """Draws on a transparent canvas of `width` x `height` pixels; coordinates run 0..1."""

    def __init__(self, width: float, height: float) -> None:
        self._w = max(4, int(width * _OVERSAMPLE))
        self._h = max(4, int(height * _OVERSAMPLE))
        self._image = Image.new("RGBA", (self._w, self._h), (0, 0, 0, 0))
        self._draw = ImageDraw.Draw(self._image)

    def _scaled(self, numbers: Sequence[float]) -> list[float]:
        sides = cycle((self._w - 1, self._h - 1))
        return [number * side for number, side in zip(numbers, sides, strict=False)]

    def _stroke(self, width: float) -> int:
        return max(1, round(width * min(self._w, self._h)))

    def rect(self, fill: Colour, *box: float) -> None:
        """Fill left, top, right, bottom; a fifth number rounds corners, in shorter sides."""
        radius = sum(box[4:]) * min(self._w, self._h)
        self._draw.rounded_rectangle(self._scaled(box[:4]), radius=radius, fill=fill)

    def oval(self, fill: Colour, *box: float) -> None:
        """Fill an ellipse: left, top, right, bottom."""
        self._draw.ellipse(self._scaled(box), fill=fill)

    def ring(self, colour: Colour, *numbers: float) -> None:
        """Draw the outline of an ellipse: left, top, right, bottom, stroke."""
        *box, width = numbers
        self._draw.ellipse(self._scaled(box), outline=colour, width=self._stroke(width))

    def poly(self, fill: Colour, *points: float) -> None:
        """Fill a polygon of x, y pairs."""
        self._draw.polygon(self._scaled(points), fill=fill)

    def line(self, colour: Colour, width: float, *points: float) -> None:
        """Draw a polyline: stroke, then x, y pairs."""
        stroke = self._stroke(width)
        self._draw.line(self._scaled(points), fill=colour, width=stroke, joint="curve")

    def arc(self, colour: Colour, *numbers: float) -> None:
        """Draw part of an outline: left, top, right, bottom, two angles in degrees, stroke."""
        *box, start, end, width = numbers
        self._draw.arc(self._scaled(box), start, end, fill=colour, width=self._stroke(width))

    def slice(self, fill: Colour, *numbers: float) -> None:
        """Fill part of an ellipse: left, top, right, bottom, two angles in degrees."""
        *box, start, end = numbers
        self._draw.pieslice(self._scaled(box), start, end, fill=fill)

    def finish(self) -> Image.Image:
        """Return the glyph as an anti-aliased RGBA image at its final size."""
        return self._image.reduce(_OVERSAMPLE)
