"""Glyphs of kitchens and living rooms, and the one door to all glyphs."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from analysis.scenes.glyphs_outdoor import OUTDOOR, Glyph
from analysis.scenes.pen import BLACK, GREY, WHITE, Ink, Pen, dark, light

_ASPECTS: dict[str, float] = {
    "person": 0.5,
    "traffic light": 0.5,
    "stop sign": 0.6,
    "bottle": 0.45,
    "car": 1.6,
    "truck": 1.6,
    "airplane": 1.6,
    "bench": 1.4,
    "couch": 1.6,
    "dining table": 1.5,
    "bicycle": 1.4,
    "dog": 1.25,
    "sheep": 1.2,
    "horse": 1.1,
    "chair": 0.75,
    "cat": 0.85,
    "kite": 0.7,
    "tv": 1.3,
    "laptop": 1.3,
    "bowl": 1.35,
    "bird": 1.25,
}


def cat(pen: Pen, ink: Ink) -> None:
    """Sitting, pointed ears, green eyes, whiskers, curled tail."""
    fur = ink.shade(0.08, (0.0, 0.8), (0.3, 0.95))
    pen.oval(0.2, 0.4, 0.8, 1.02, fur)
    pen.oval(0.22, 0.12, 0.78, 0.55, fur)
    pen.poly([(0.24, 0.3), (0.24, 0), (0.46, 0.16)], fur)
    pen.poly([(0.76, 0.3), (0.76, 0), (0.54, 0.16)], fur)
    pen.oval(0.34, 0.26, 0.44, 0.36, (90, 200, 90))
    pen.oval(0.56, 0.26, 0.66, 0.36, (90, 200, 90))
    pen.poly([(0.46, 0.39), (0.54, 0.39), (0.5, 0.45)], (240, 120, 140))
    pen.arc((0.65, 0.5, 1, 1), (270, 90), fur, 0.09)
    for y in (0.4, 0.46):
        pen.line([(0.12, y), (0.38, y)], WHITE, 0.02)
        pen.line([(0.62, y), (0.88, y)], WHITE, 0.02)


def chair(pen: Pen, ink: Ink) -> None:
    """Back to one side, seat, four legs."""
    wood = ink.main
    pen.rect(0.12, 0, 0.26, 0.62, wood)
    pen.rect(0.12, 0.5, 0.9, 0.64, wood)
    pen.rect(0.12, 0.6, 0.22, 1, dark(wood))
    pen.rect(0.78, 0.6, 0.88, 1, dark(wood))
    pen.rect(0.26, 0.08, 0.34, 0.5, dark(wood, 0.8))
    pen.rect(0.34, 0.6, 0.42, 0.92, dark(wood, 0.5))
    pen.rect(0.62, 0.6, 0.7, 0.92, dark(wood, 0.5))


def couch(pen: Pen, ink: Ink) -> None:
    """Wide padded back, round arms, two light cushions, short feet."""
    pen.rect(0.06, 0.08, 0.94, 0.7, dark(ink.main, 0.85), 0.18)
    pen.rect(0, 0.32, 0.18, 0.9, ink.main, 0.12)
    pen.rect(0.82, 0.32, 1, 0.9, ink.main, 0.12)
    pen.rect(0.16, 0.68, 0.84, 0.9, ink.main)
    pen.rect(0.19, 0.5, 0.49, 0.7, light(ink.main, 0.5), 0.06)
    pen.rect(0.51, 0.5, 0.81, 0.7, light(ink.main, 0.5), 0.06)
    pen.rect(0.06, 0.9, 0.14, 1, BLACK)
    pen.rect(0.86, 0.9, 0.94, 1, BLACK)


def dining_table(pen: Pen, ink: Ink) -> None:
    """Board in perspective and four legs."""
    wood = ink.shade(0.08, (0.3, 0.8), (0.35, 0.8))
    pen.poly([(0.12, 0.2), (0.88, 0.2), (1, 0.42), (0, 0.42)], light(wood, 0.25))
    pen.rect(0, 0.42, 1, 0.5, wood)
    pen.rect(0.05, 0.5, 0.13, 1, dark(wood))
    pen.rect(0.87, 0.5, 0.95, 1, dark(wood))
    pen.rect(0.24, 0.5, 0.3, 0.85, dark(wood, 0.5))
    pen.rect(0.7, 0.5, 0.76, 0.85, dark(wood, 0.5))


def bottle(pen: Pen, ink: Ink) -> None:
    """Cap, neck, body with a white label."""
    pen.rect(0.36, 0.0, 0.64, 0.1, dark(ink.second))
    pen.rect(0.38, 0.08, 0.62, 0.36, ink.main)
    pen.rect(0.14, 0.3, 0.86, 1, ink.main, 0.2)
    pen.rect(0.14, 0.52, 0.86, 0.78, WHITE)
    pen.rect(0.22, 0.36, 0.32, 0.5, light(ink.main, 0.7))


def cup(pen: Pen, ink: Ink) -> None:
    """Tapered, with a handle and dark coffee."""
    pen.ring(0.5, 0.25, 0.98, 0.72, ink.main, 0.09)
    pen.poly([(0.04, 0.1), (0.74, 0.1), (0.66, 0.92), (0.14, 0.92)], ink.main)
    pen.oval(0.04, 0.02, 0.74, 0.2, light(ink.main, 0.4))
    pen.oval(0.1, 0.06, 0.68, 0.17, (99, 63, 36))


def bowl(pen: Pen, ink: Ink) -> None:
    """Wide and round, filled with the second colour."""
    pen.slice((0, -0.75, 1, 1.0), (0, 180), ink.main)
    pen.oval(0, 0.02, 1, 0.28, light(ink.main, 0.4))
    pen.oval(0.08, 0.06, 0.92, 0.24, ink.second)
    pen.rect(0.32, 0.92, 0.68, 1, dark(ink.main))


def pizza(pen: Pen, ink: Ink) -> None:
    """Crust, cheese, seven slices of salami, three cuts."""
    pen.oval(0, 0, 1, 1, (190, 125, 60))
    pen.oval(0.08, 0.08, 0.92, 0.92, (245, 205, 95))
    for k in range(7):
        angle = k * 2 * math.pi / 7 + ink.rng.random()
        radius = 0.16 + 0.16 * (k % 2)
        x, y = 0.5 + radius * math.cos(angle), 0.5 + radius * math.sin(angle)
        pen.oval(x - 0.09, y - 0.09, x + 0.09, y + 0.09, (200, 50, 40))
    for angle in (0.3, 1.35, 2.4):
        dx, dy = 0.45 * math.cos(angle), 0.45 * math.sin(angle)
        pen.line([(0.5 - dx, 0.5 - dy), (0.5 + dx, 0.5 + dy)], (190, 140, 60), 0.02)


def tv(pen: Pen, ink: Ink) -> None:
    """Black frame, bright picture, foot."""
    pen.rect(0, 0, 1, 0.76, BLACK, 0.04)
    pen.rect(0.05, 0.06, 0.95, 0.68, ink.shade(None, (0.2, 0.9), (0.4, 1)))
    pen.poly([(0.1, 0.6), (0.35, 0.2), (0.6, 0.6)], ink.main)
    pen.rect(0.44, 0.76, 0.56, 0.9, BLACK)
    pen.rect(0.25, 0.9, 0.75, 1, BLACK)


def laptop(pen: Pen, ink: Ink) -> None:
    """Blue screen and a keyboard in perspective."""
    pen.rect(0.14, 0, 0.86, 0.62, GREY, 0.04)
    pen.rect(0.19, 0.06, 0.81, 0.55, ink.shade(0.58, (0.2, 0.8), (0.6, 1)))
    pen.poly([(0.14, 0.64), (0.86, 0.64), (1, 1), (0, 1)], (185, 185, 190))
    for i in range(3):
        left, y = 0.16 - 0.03 * i, 0.72 + 0.08 * i
        pen.line([(left, y), (1 - left, y)], (70, 70, 75), 0.05)


def clock(pen: Pen, ink: Ink) -> None:
    """Round white dial, twelve marks, two hands."""
    pen.oval(0, 0, 1, 1, dark(ink.main, 0.8))
    pen.oval(0.1, 0.1, 0.9, 0.9, WHITE)
    for k in range(12):
        x, y = math.cos(k * math.pi / 6), math.sin(k * math.pi / 6)
        ends = [(0.5 + 0.33 * x, 0.5 + 0.33 * y), (0.5 + 0.38 * x, 0.5 + 0.38 * y)]
        pen.line(ends, BLACK, 0.04)
    for length, width in ((0.2, 0.06), (0.3, 0.04)):
        angle = ink.rng.random() * 2 * math.pi
        tip = (0.5 + length * math.cos(angle), 0.5 + length * math.sin(angle))
        pen.line([(0.5, 0.5), tip], BLACK, width)


GLYPHS: dict[str, Glyph] = {
    **OUTDOOR,
    "cat": cat,
    "chair": chair,
    "couch": couch,
    "dining table": dining_table,
    "bottle": bottle,
    "cup": cup,
    "bowl": bowl,
    "pizza": pizza,
    "tv": tv,
    "laptop": laptop,
    "clock": clock,
}
"""Category name to the function that draws it, all 26."""


def glyph_shape(category: str, side: float) -> tuple[float, float]:
    """Return (width, height) in pixels of a glyph whose box has the area side x side."""
    aspect = _ASPECTS.get(category, 1.0) ** 0.5
    return side * aspect, side / aspect


def draw_glyph(category: str, side: float, rng: np.random.Generator) -> Image.Image:
    """Draw one object as an RGBA image of about side x side pixels, mirrored half the time."""
    pen = Pen(*glyph_shape(category, side))
    GLYPHS[category](pen, Ink.draw(rng))
    image = pen.finish()
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else image
