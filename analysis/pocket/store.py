"""Many scenes on disk as arrays, drawn once and memory-mapped by the trainings."""

from __future__ import annotations

import json
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from analysis.scenes.scene import make_scene, split_seeds
from analysis.scenes.world import CATEGORIES, CATEGORY_INDEX, GRID, SIZE

_CHUNK = 250
_FACTS = ("seed", "counts", "theme", "texture", "object_size", "n_objects")


@dataclass(frozen=True, eq=False)
class SceneStore:
    """Scenes of one split as arrays.

    Attributes
    ----------
    images
        (n, 144, 144, 3) uint8, memory-mapped.
    labels
        (n, 144) uint8, `Scene.patch_labels`.
    facts
        Per scene: seed, counts (category to number), theme, texture, object_size, n_objects.
    """

    images: np.ndarray
    labels: np.ndarray
    facts: list[dict[str, Any]]

    def __len__(self) -> int:
        """Return the number of scenes."""
        return len(self.facts)

    def count_matrix(self) -> np.ndarray:
        """Return (n, 26) float32: objects of each category in each scene."""
        matrix = np.zeros((len(self), len(CATEGORIES)), np.float32)
        for row, fact in enumerate(self.facts):
            for name, count in fact["counts"].items():
                matrix[row, CATEGORY_INDEX[name]] = count
        return matrix

    def column(self, name: str) -> np.ndarray:
        """Return (n,) of one numeric fact: texture, object_size or n_objects."""
        return np.array([fact[name] for fact in self.facts], np.float64)


def _draw_chunk(seeds: range) -> tuple[np.ndarray, np.ndarray, list[dict[str, Any]]]:
    scenes = [make_scene(seed) for seed in seeds]
    images = np.stack([np.asarray(scene.image) for scene in scenes])
    labels = np.stack([scene.patch_labels for scene in scenes])
    return images, labels, [{name: getattr(scene, name) for name in _FACTS} for scene in scenes]


def build_store(split: str, count: int, folder: str | Path, workers: int = 2) -> SceneStore:
    """Draw the first `count` scenes of a split into `folder`, or open what is there already.

    Parameters
    ----------
    split
        As in `split_seeds`.
    count
        Number of scenes; 62 KB of disk each.
    folder
        Where `{split}-{count}-*.npy` and the facts go.
    workers
        Processes that draw.
    """
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    done = root / f"{split}-{count}-facts.json"
    paths = [root / f"{split}-{count}-{kind}.npy" for kind in ("images", "labels")]
    if not done.exists():
        seeds = split_seeds(split)[:count]
        chunks = [seeds[i : i + _CHUNK] for i in range(0, count, _CHUNK)]
        images = np.lib.format.open_memmap(  # type: ignore[no-untyped-call]
            paths[0], mode="w+", dtype=np.uint8, shape=(count, SIZE, SIZE, 3)
        )
        labels = np.zeros((count, GRID * GRID), np.uint8)
        facts: list[dict[str, Any]] = []
        with get_context("spawn").Pool(workers) as pool:
            for pictures, marks, known in pool.imap(_draw_chunk, chunks):
                rows = slice(len(facts), len(facts) + len(known))
                images[rows], labels[rows] = pictures, marks
                facts.extend(known)
        images.flush()
        np.save(paths[1], labels)
        done.write_text(json.dumps(facts))
    return SceneStore(
        np.load(paths[0], mmap_mode="r"), np.load(paths[1]), json.loads(done.read_text())
    )
