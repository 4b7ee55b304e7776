"""Export of scenes in COCO's annotation format, readable by pycocotools."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from analysis.scenes.captions import captions_for
from analysis.scenes.scene import Scene
from analysis.scenes.world import CATEGORY_IDS, SIZE

_CAPTIONS_PER_IMAGE = 10


def _instance_records(scene: Scene, first_id: int) -> list[dict[str, Any]]:
    return [
        {
            "id": first_id + offset,
            "image_id": scene.seed,
            "category_id": CATEGORY_IDS[item.category],
            "bbox": list(item.bbox),
            "area": item.area,
            "iscrowd": 0,
            "segmentation": [],
        }
        for offset, item in enumerate(scene.objects)
    ]


def _caption_records(scene: Scene) -> list[dict[str, Any]]:
    return [
        {"id": scene.seed * _CAPTIONS_PER_IMAGE + i, "image_id": scene.seed, "caption": text}
        for i, text in enumerate(captions_for(scene))
    ]


def export_coco(scenes: Iterable[Scene], folder: str | Path) -> Path:
    """Write scenes as a COCO data set.

    Parameters
    ----------
    scenes
        The scenes; image ids are their seeds.
    folder
        Made if missing. Gets `images/*.png`, `annotations/instances_scenes.json` (boxes and
        visible areas in pixels; segmentations are empty) and `annotations/captions_scenes.json`
        (five captions an image).

    Returns
    -------
    pathlib.Path
        The folder.
    """
    root = Path(folder)
    (root / "images").mkdir(parents=True, exist_ok=True)
    (root / "annotations").mkdir(exist_ok=True)
    images: list[dict[str, Any]] = []
    instances: list[dict[str, Any]] = []
    captions: list[dict[str, Any]] = []
    for scene in scenes:
        name = f"{scene.seed:012d}.png"
        scene.image.save(root / "images" / name)
        images.append({"id": scene.seed, "file_name": name, "width": SIZE, "height": SIZE})
        instances.extend(_instance_records(scene, len(instances) + 1))
        captions.extend(_caption_records(scene))
    common = {"info": {"description": "drawn scenes of COCO categories"}, "images": images}
    categories = [{"id": number, "name": name} for name, number in CATEGORY_IDS.items()]
    tables = {
        "instances": {**common, "annotations": instances, "categories": categories},
        "captions": {**common, "annotations": captions},
    }
    for kind, table in tables.items():
        (root / "annotations" / f"{kind}_scenes.json").write_text(json.dumps(table))
    return root
