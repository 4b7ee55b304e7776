"""Seeded scenes: number, size, texture and theme are drawn independently, then painted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from PIL import Image

from analysis.errors import UsageError
from analysis.scenes.background import draw_background
from analysis.scenes.glyphs import draw_glyph
from analysis.scenes.world import (
    CATEGORIES,
    CATEGORY_INDEX,
    GRID,
    OFF_THEME,
    PATCH,
    SIZE,
    themes,
)

_SPLITS = {
    "train": range(0, 1_000_000),
    "dev": range(10_000_000, 10_100_000),
    "test": range(20_000_000, 20_100_000),
}
_NUMBER_WEIGHTS = np.array([3, 3, 3, 2.5, 2.5, 2.5, 2, 2, 1.5, 1, 1, 1])
_SIDES = (26.0, 40.0)
_CANDIDATES = 24
_OPAQUE = 100
_PATCH_SHARE = 0.15
_SINGLES = frozenset({"tv", "couch", "dining table", "clock", "laptop", "stop sign", "airplane"})

Place = tuple[int, int, int, int]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class SceneObject:
    """One drawn object.

    Attributes
    ----------
    category
        COCO category name.
    bbox
        (x, y, width, height) of the drawn mask in pixels, COCO's order.
    area
        Pixels of the mask that no later object covers.
    """

    category: str
    bbox: Box
    area: float


@dataclass(frozen=True)
class SceneParameters:
    """The four causes of a scene, drawn independently of each other.

    Attributes
    ----------
    n_objects
        1..12 objects.
    object_size
        26..40 pixels: square root of the mean object box area.
    texture
        0..1, see `background.draw_background`.
    theme
        One of `world.themes`.
    """

    n_objects: int
    object_size: float
    texture: float
    theme: str


@dataclass(frozen=True, eq=False)
class Scene:
    """A drawn scene and everything known about it.

    Attributes
    ----------
    seed
        The seed that `make_scene` was given.
    image
        RGB, 144 x 144 pixels.
    objects
        In drawing order; later ones lie on top.
    theme, texture, object_size
        As in `SceneParameters`.
    patch_labels
        (144,) uint8 in reading order: 0 is background, k is `CATEGORIES[k - 1]`. A patch belongs
        to the category that covers most of it, if it covers more than 15 %.
    """

    seed: int
    image: Image.Image
    objects: list[SceneObject]
    theme: str
    texture: float
    object_size: float
    patch_labels: np.ndarray

    @property
    def n_objects(self) -> int:
        """Number of drawn objects, 1..12."""
        return len(self.objects)

    @property
    def complexity(self) -> str:
        """The data set's own split: "simple" (up to 3), "complex" (7 or more), else "medium"."""
        if self.n_objects <= 3:
            return "simple"
        return "complex" if self.n_objects >= 7 else "medium"

    @property
    def counts(self) -> dict[str, int]:
        """Objects per present category, in COCO order."""
        found = Counter(item.category for item in self.objects)
        return {name: found[name] for name in CATEGORIES if name in found}


def split_seeds(split: str) -> range:
    """Return the seeds of a split; the three ranges never meet.

    Parameters
    ----------
    split
        "train", "dev" (looked at while building) or "test" (sealed: shipped figures and the model
        card only).

    Raises
    ------
    UsageError
        If there is no such split.
    """
    if split not in _SPLITS:
        raise UsageError(f"split {split!r} is unknown; choose one of {', '.join(_SPLITS)}")
    return _SPLITS[split]


def draw_parameters(rng: np.random.Generator) -> SceneParameters:
    """Draw number, size, texture and theme, each from its own distribution."""
    weights = _NUMBER_WEIGHTS / _NUMBER_WEIGHTS.sum()
    return SceneParameters(
        n_objects=int(rng.choice(len(weights), p=weights)) + 1,
        object_size=float(rng.uniform(*_SIDES)),
        texture=float(rng.random()),
        theme=list(themes())[int(rng.integers(len(themes())))],
    )


def _draw_categories(parameters: SceneParameters, rng: np.random.Generator) -> list[str]:
    table = themes()[parameters.theme].categories
    names, weights = list(table), np.array(list(table.values()))
    chosen: list[str] = []
    while len(chosen) < parameters.n_objects:
        if rng.random() < OFF_THEME:
            name = CATEGORIES[int(rng.integers(len(CATEGORIES)))]
        else:
            name = names[int(rng.choice(len(names), p=weights / weights.sum()))]
        if name in chosen and name in _SINGLES and rng.random() < 0.8:
            continue
        chosen.append(name)
    return chosen


def _overlap(box: Place, others: list[Place]) -> float:
    worst = 0.0
    x, y, w, h = box
    for a, b, c, d in others:
        across, down = min(x + w, a + c) - max(x, a), min(y + h, b + d) - max(y, b)
        if across > 0 and down > 0:
            worst = max(worst, across * down / min(w * h, c * d))
    return worst


def _place(shape: tuple[int, int], others: list[Place], rng: np.random.Generator) -> Place:
    w, h = shape
    best, least = (0, 0, w, h), 2.0
    for _ in range(_CANDIDATES):
        x = int(rng.integers(0, max(1, SIZE - w + 1)))
        y = int(rng.integers(0, max(1, SIZE - h + 1)))
        worst = _overlap((x, y, w, h), others)
        if worst < least:
            best, least = (x, y, w, h), worst
        if worst < 0.05:
            break
    return best


def _paint(
    image: Image.Image, names: list[str], side: float, rng: np.random.Generator
) -> tuple[np.ndarray, list[Box]]:
    owners = np.zeros((SIZE, SIZE), np.uint8)
    places: list[Place] = []
    boxes: list[Box] = []
    for number, name in enumerate(names, start=1):
        glyph = draw_glyph(name, side * rng.uniform(0.88, 1.12), rng)
        x, y, w, h = _place(glyph.size, places, rng)
        places.append((x, y, w, h))
        image.paste(glyph, (x, y), glyph)
        mask = np.asarray(glyph.getchannel("A")) > _OPAQUE
        owners[y : y + h, x : x + w][mask] = number
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        left, top = x + columns[0], y + rows[0]
        wide, tall = columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1
        boxes.append((float(left), float(top), float(wide), float(tall)))
    return owners, boxes


def _label_patches(owners: np.ndarray, names: list[str]) -> np.ndarray:
    classes = np.array([0, *(CATEGORY_INDEX[name] + 1 for name in names)])[owners]
    patches = classes.reshape(GRID, PATCH, GRID, PATCH).transpose(0, 2, 1, 3)
    flat = patches.reshape(GRID * GRID, PATCH * PATCH)
    width = len(CATEGORIES) + 1
    offsets = np.arange(GRID * GRID)[:, None] * width
    counts = np.bincount((flat + offsets).ravel(), minlength=GRID * GRID * width)
    covered = counts.reshape(GRID * GRID, width)[:, 1:]
    wins = covered.max(1) > _PATCH_SHARE * PATCH * PATCH
    return np.where(wins, covered.argmax(1) + 1, 0).astype(np.uint8)


def make_scene(seed: int) -> Scene:
    """Draw the scene of a seed; equal seeds give equal bytes."""
    rng = np.random.default_rng(seed)
    parameters = draw_parameters(rng)
    names = _draw_categories(parameters, rng)
    image = draw_background(parameters.theme, parameters.texture, rng)
    owners, boxes = _paint(image, names, parameters.object_size, rng)
    noise = rng.normal(size=(SIZE, SIZE, 1)) * (1 + 10 * parameters.texture * rng.random())
    pixels = np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8)
    areas = np.bincount(owners.ravel(), minlength=len(names) + 1)[1:]
    objects = [
        SceneObject(name, box, float(area))
        for name, box, area in zip(names, boxes, areas, strict=True)
    ]
    return Scene(
        seed=seed,
        image=Image.fromarray(pixels),
        objects=objects,
        theme=parameters.theme,
        texture=parameters.texture,
        object_size=parameters.object_size,
        patch_labels=_label_patches(owners, names),
    )
