"""A pen that draws in unit coordinates on a transparent glyph, and the colours it uses."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]
Range = tuple[float, float]

BLACK: Colour = (25, 25, 30)
GREY: Colour = (120, 120, 125)
WHITE: Colour = (240, 240, 240)
GLASS: Colour = (190, 225, 245)

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


@dataclass(frozen=True)
class Ink:
    """The random colours one glyph is drawn with, and its generator for anything else."""

    main: Colour
    second: Colour
    rng: np.random.Generator

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Ink:
        """Draw two free colours."""
        return cls(random_colour(rng), random_colour(rng), rng)

    def shade(self, hue: float | None, saturation: Range, value: Range) -> Colour:
        """Draw one more colour from the given HSV ranges."""
        return random_colour(self.rng, hue, saturation, value)


class Pen:
    """Draws on a transparent canvas of `width` x `height` pixels; coordinates run 0..1."""

    def __init__(self, width: float, height: float) -> None:
        self._w = max(4, int(width * _OVERSAMPLE))
        self._h = max(4, int(height * _OVERSAMPLE))
        self._image = Image.new("RGBA", (self._w, self._h), (0, 0, 0, 0))
        self._draw = ImageDraw.Draw(self._image)

    def _points(self, points: Sequence[Point]) -> list[Point]:
        return [(x * (self._w - 1), y * (self._h - 1)) for x, y in points]

    def _box(self, left: float, top: float, right: float, bottom: float) -> list[float]:
        (x0, y0), (x1, y1) = self._points([(left, top), (right, bottom)])
        return [x0, y0, x1, y1]

    def _stroke(self, width: float) -> int:
        return max(1, round(width * min(self._w, self._h)))

    def rect(
        self, left: float, top: float, right: float, bottom: float, fill: Colour, radius: float = 0
    ) -> None:
        """Fill a rectangle, its corners rounded by `radius` of the shorter side."""
        box = self._box(left, top, right, bottom)
        self._draw.rounded_rectangle(box, radius=radius * min(self._w, self._h), fill=fill)

    def oval(self, left: float, top: float, right: float, bottom: float, fill: Colour) -> None:
        """Fill an ellipse."""
        self._draw.ellipse(self._box(left, top, right, bottom), fill=fill)

    def ring(
        self, left: float, top: float, right: float, bottom: float, colour: Colour, width: float
    ) -> None:
        """Draw the outline of an ellipse."""
        box = self._box(left, top, right, bottom)
        self._draw.ellipse(box, outline=colour, width=self._stroke(width))

    def poly(self, points: Sequence[Point], fill: Colour) -> None:
        """Fill a polygon."""
        self._draw.polygon(self._points(points), fill=fill)

    def line(self, points: Sequence[Point], colour: Colour, width: float = 0.06) -> None:
        """Draw a polyline."""
        stroke = self._stroke(width)
        self._draw.line(self._points(points), fill=colour, width=stroke, joint="curve")

    def arc(
        self,
        box: tuple[float, float, float, float],
        degrees: Range,
        colour: Colour,
        width: float = 0.06,
    ) -> None:
        """Draw part of an ellipse's outline between two angles in degrees."""
        stroke = self._stroke(width)
        self._draw.arc(self._box(*box), degrees[0], degrees[1], fill=colour, width=stroke)

    def slice(self, box: tuple[float, float, float, float], degrees: Range, fill: Colour) -> None:
        """Fill part of an ellipse between two angles in degrees."""
        self._draw.pieslice(self._box(*box), degrees[0], degrees[1], fill=fill)

    def finish(self) -> Image.Image:
        """Return the glyph as an anti-aliased RGBA image at its final size."""
        return self._image.reduce(_OVERSAMPLE)
