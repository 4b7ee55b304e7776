"""Glyphs of streets, parks, farms and beaches; one small function per category."""

from __future__ import annotations

import math
from collections.abc import Callable

from analysis.scenes.pen import BLACK, GLASS, GREY, WHITE, Colour, Ink, Pen, dark, light

Glyph = Callable[[Pen, Ink], None]


def _wheels(pen: Pen, lefts: tuple[float, ...], top: float, width: float) -> None:
    for left in lefts:
        pen.oval(left, top, left + width, 1, BLACK)
        inset = width * 0.3
        pen.oval(left + inset, top + 0.1, left + width - inset, 0.9, GREY)


def _legs(pen: Pen, lefts: tuple[float, ...], top: float, colour: Colour) -> None:
    for left in lefts:
        pen.rect(left, top, left + 0.08, 1, colour)


def person(pen: Pen, ink: Ink) -> None:
    """Head, hair, shirt, arms, two legs."""
    skin = ink.shade(0.07, (0.25, 0.6), (0.45, 0.95))
    pen.oval(0.32, 0.0, 0.68, 0.2, skin)
    pen.rect(0.28, 0.2, 0.72, 0.58, ink.main, 0.08)
    pen.rect(0.1, 0.22, 0.25, 0.56, ink.main)
    pen.rect(0.75, 0.22, 0.9, 0.56, ink.main)
    pen.rect(0.3, 0.57, 0.48, 1, ink.second)
    pen.rect(0.52, 0.57, 0.7, 1, ink.second)
    pen.slice((0.3, -0.02, 0.7, 0.2), (180, 360), dark(skin, 0.35))


def bicycle(pen: Pen, ink: Ink) -> None:
    """Two wheels, a frame, saddle and handlebar."""
    pen.ring(0, 0.42, 0.42, 1, BLACK, 0.07)
    pen.ring(0.58, 0.42, 1, 1, BLACK, 0.07)
    frame = [(0.21, 0.71), (0.4, 0.3), (0.68, 0.3), (0.5, 0.71), (0.21, 0.71)]
    pen.line(frame, ink.main, 0.07)
    pen.line([(0.5, 0.71), (0.38, 0.2)], ink.main)
    pen.line([(0.79, 0.71), (0.66, 0.12), (0.82, 0.1)], ink.main, 0.07)
    pen.rect(0.28, 0.14, 0.46, 0.22, BLACK)


def car(pen: Pen, ink: Ink) -> None:
    """Low body, cabin with two windows, two wheels."""
    pen.rect(0, 0.42, 1, 0.8, ink.main, 0.12)
    pen.poly([(0.18, 0.45), (0.32, 0.12), (0.7, 0.12), (0.86, 0.45)], ink.main)
    pen.poly([(0.26, 0.42), (0.36, 0.2), (0.49, 0.2), (0.49, 0.42)], GLASS)
    pen.poly([(0.53, 0.42), (0.53, 0.2), (0.66, 0.2), (0.76, 0.42)], GLASS)
    _wheels(pen, (0.12, 0.64), 0.62, 0.24)


def truck(pen: Pen, ink: Ink) -> None:
    """Ribbed box, cab of another colour, three wheels."""
    pen.rect(0, 0.05, 0.64, 0.8, ink.main)
    pen.rect(0.67, 0.32, 1, 0.8, ink.second, 0.08)
    pen.rect(0.78, 0.38, 0.97, 0.56, GLASS)
    for x in (0.1, 0.3, 0.5):
        pen.line([(x, 0.15), (x, 0.7)], dark(ink.main), 0.04)
    for left in (0.08, 0.32, 0.74):
        pen.oval(left, 0.66, left + 0.2, 1, BLACK)


def airplane(pen: Pen, ink: Ink) -> None:
    """Light fuselage with a row of windows, swept wing and tail in colour."""
    hull = light(ink.main, 0.75)
    pen.poly([(0.02, 0.05), (0.16, 0.05), (0.3, 0.45), (0.06, 0.45)], ink.main)
    pen.oval(0.0, 0.36, 1, 0.68, hull)
    for x in (0.3, 0.42, 0.54, 0.66):
        pen.rect(x, 0.43, x + 0.06, 0.51, BLACK)
    pen.poly([(0.45, 0.55), (0.68, 0.55), (0.36, 1), (0.24, 1)], dark(ink.main, 0.8))
    pen.poly([(0.48, 0.4), (0.64, 0.4), (0.46, 0.12), (0.38, 0.12)], dark(ink.main, 0.8))


def boat(pen: Pen, ink: Ink) -> None:
    """Hull, mast, two sails."""
    pen.poly([(0, 0.68), (1, 0.68), (0.82, 1), (0.16, 1)], ink.main)
    pen.rect(0.47, 0, 0.52, 0.7, dark(ink.shade(0.08, (0.45, 1), (0.45, 1)), 0.5))
    pen.poly([(0.54, 0.04), (0.54, 0.6), (0.95, 0.6)], WHITE)
    pen.poly([(0.44, 0.12), (0.44, 0.6), (0.12, 0.6)], light(ink.second, 0.4))


def traffic_light(pen: Pen, ink: Ink) -> None:
    """Dark case on a pole, red, amber, green."""
    pen.rect(0.42, 0.6, 0.58, 1, GREY)
    pen.rect(0.2, 0, 0.8, 0.66, dark(ink.shade(0.13, (0.45, 1), (0.45, 1)), 0.35), 0.1)
    for top, colour in ((0.03, (235, 40, 35)), (0.24, (240, 200, 40)), (0.45, (40, 200, 70))):
        pen.oval(0.32, top, 0.68, top + 0.18, colour)


def stop_sign(pen: Pen, ink: Ink) -> None:
    """Red octagon with a white bar on a pole."""
    pen.rect(0.44, 0.5, 0.56, 1, GREY)
    angles = [math.pi / 8 + k * math.pi / 4 for k in range(8)]
    pen.poly([(0.5 + 0.5 * math.cos(a), 0.3 + 0.3 * math.sin(a)) for a in angles], WHITE)
    red = ink.shade(0.0, (0.8, 1), (0.65, 0.95))
    pen.poly([(0.5 + 0.42 * math.cos(a), 0.3 + 0.25 * math.sin(a)) for a in angles], red)
    pen.rect(0.2, 0.26, 0.8, 0.35, WHITE)


def bench(pen: Pen, ink: Ink) -> None:
    """Three slats, a seat, two legs."""
    for i in range(3):
        pen.rect(0, 0.05 + 0.15 * i, 1, 0.15 + 0.15 * i, ink.main)
    pen.rect(0, 0.55, 1, 0.66, dark(ink.main, 0.8))
    for left in (0.08, 0.84):
        pen.rect(left, 0, left + 0.06, 1, BLACK)


def bird(pen: Pen, ink: Ink) -> None:
    """Round body, beak, wing up, two thin legs."""
    beak = (240, 170, 40)
    pen.oval(0.2, 0.35, 0.75, 0.75, ink.main)
    pen.oval(0.6, 0.18, 0.88, 0.5, ink.main)
    pen.poly([(0.86, 0.3), (1, 0.36), (0.86, 0.42)], beak)
    pen.poly([(0.25, 0.5), (0.35, 0), (0.6, 0.5)], dark(ink.main, 0.7))
    pen.poly([(0.25, 0.5), (0, 0.4), (0.02, 0.65)], dark(ink.main, 0.8))
    for x in (0.42, 0.54):
        pen.line([(x, 0.74), (x, 1)], beak, 0.05)
    pen.oval(0.72, 0.26, 0.79, 0.34, BLACK)


def dog(pen: Pen, ink: Ink) -> None:
    """Long body, four legs, tail, muzzle, dark ear."""
    fur = ink.shade(0.08, (0.2, 0.7), (0.3, 0.9))
    pen.rect(0.16, 0.38, 0.74, 0.68, fur, 0.15)
    _legs(pen, (0.18, 0.3, 0.55, 0.66), 0.6, fur)
    pen.line([(0.18, 0.45), (0.02, 0.15)], fur, 0.09)
    pen.oval(0.62, 0.12, 0.92, 0.5, fur)
    pen.rect(0.82, 0.28, 1, 0.46, fur, 0.06)
    pen.oval(0.62, 0.14, 0.74, 0.48, dark(fur, 0.5))
    pen.oval(0.94, 0.28, 1, 0.36, BLACK)
    pen.oval(0.8, 0.22, 0.86, 0.29, BLACK)


def horse(pen: Pen, ink: Ink) -> None:
    """Tall legs, neck, dark mane and tail."""
    coat = ink.shade(0.07, (0.3, 0.8), (0.25, 0.75))
    pen.oval(0.14, 0.34, 0.74, 0.66, coat)
    _legs(pen, (0.2, 0.3, 0.56, 0.65), 0.55, coat)
    pen.poly([(0.58, 0.5), (0.74, 0.05), (0.88, 0.12), (0.74, 0.5)], coat)
    pen.poly([(0.74, 0.04), (1, 0.2), (0.96, 0.3), (0.76, 0.22)], coat)
    pen.line([(0.56, 0.42), (0.72, 0.03)], BLACK, 0.08)
    pen.line([(0.17, 0.42), (0.05, 0.75)], BLACK, 0.08)


def sheep(pen: Pen, ink: Ink) -> None:
    """White curls, dark face, dark legs."""
    wool = light(ink.shade(None, (0, 0.15), (0.85, 1)), 0.3)
    _legs(pen, (0.22, 0.34, 0.58, 0.7), 0.65, BLACK)
    curls = ((0.08, 0.3), (0.25, 0.12), (0.45, 0.1), (0.55, 0.28), (0.4, 0.42), (0.18, 0.42))
    for x, y in (*curls, (0.3, 0.28)):
        pen.oval(x, y, x + 0.32, y + 0.36, wool)
        pen.ring(x, y, x + 0.32, y + 0.36, dark(wool, 0.85), 0.02)
    face = dark(ink.shade(0.08, (0.1, 0.4), (0.3, 0.6)), 0.7)
    pen.oval(0.76, 0.2, 1, 0.55, face)
    pen.oval(0.7, 0.25, 0.84, 0.35, face)


def umbrella(pen: Pen, ink: Ink) -> None:
    """Half-round canopy with a light panel, handle with a hook."""
    pen.line([(0.5, 0.4), (0.5, 0.9)], BLACK, 0.05)
    pen.arc((0.5, 0.8, 0.68, 1), (0, 180), BLACK, 0.05)
    pen.slice((0, 0, 1, 1.04), (180, 360), ink.main)
    pen.slice((0.3, 0, 0.7, 1.04), (180, 360), light(ink.main, 0.6))


def kite(pen: Pen, ink: Ink) -> None:
    """Diamond of two colours and a tail with bows."""
    pen.poly([(0.5, 0), (1, 0.3), (0.5, 0.68), (0, 0.3)], ink.main)
    pen.poly([(0.5, 0), (1, 0.3), (0.5, 0.3)], ink.second)
    pen.poly([(0.5, 0.68), (0, 0.3), (0.5, 0.3)], ink.second)
    pen.line([(0.5, 0.66), (0.6, 0.78), (0.42, 0.88), (0.55, 1)], BLACK, 0.04)
    pen.poly([(0.5, 0.75), (0.7, 0.72), (0.7, 0.84)], ink.second)
    pen.poly([(0.5, 0.88), (0.32, 0.84), (0.32, 0.95)], ink.second)


OUTDOOR: dict[str, Glyph] = {
    "person": person,
    "bicycle": bicycle,
    "car": car,
    "truck": truck,
    "airplane": airplane,
    "boat": boat,
    "traffic light": traffic_light,
    "stop sign": stop_sign,
    "bench": bench,
    "bird": bird,
    "dog": dog,
    "horse": horse,
    "sheep": sheep,
    "umbrella": umbrella,
    "kite": kite,
}
"""Category name to the function that draws it."""
