"""The COCO export, read back by pycocotools."""

import pytest
from PIL import Image
from pycocotools.coco import COCO

from analysis.scenes.captions import captions_for
from analysis.scenes.coco import export_coco
from analysis.scenes.scene import make_scene, split_seeds
from analysis.scenes.world import CATEGORY_IDS


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Five scenes and the folder they were exported to."""
    scenes = [make_scene(seed) for seed in split_seeds("dev")[5200:5205]]
    return scenes, export_coco(scenes, tmp_path_factory.mktemp("coco") / "scenes")


def test_instances_read_back(exported):
    scenes, folder = exported
    coco = COCO(str(folder / "annotations" / "instances_scenes.json"))
    assert coco.getImgIds() == [scene.seed for scene in scenes]
    assert {c["name"]: c["id"] for c in coco.loadCats(coco.getCatIds())} == CATEGORY_IDS
    for scene in scenes:
        found = coco.loadAnns(coco.getAnnIds(imgIds=scene.seed))
        assert [a["bbox"] for a in found] == [list(o.bbox) for o in scene.objects]
        assert [a["area"] for a in found] == [o.area for o in scene.objects]
        assert [a["category_id"] for a in found] == [
            CATEGORY_IDS[o.category] for o in scene.objects
        ]


def test_captions_and_pictures_read_back(exported):
    scenes, folder = exported
    coco = COCO(str(folder / "annotations" / "captions_scenes.json"))
    for scene in scenes:
        texts = [a["caption"] for a in coco.loadAnns(coco.getAnnIds(imgIds=scene.seed))]
        assert texts == captions_for(scene)
        name = coco.loadImgs(scene.seed)[0]["file_name"]
        with Image.open(folder / "images" / name) as picture:
            assert picture.tobytes() == scene.image.tobytes()
